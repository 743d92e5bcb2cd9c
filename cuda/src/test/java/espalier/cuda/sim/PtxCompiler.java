package espalier.cuda.sim;

import espalier.cuda.driver.Libraries;
import espalier.cuda.driver.Nvrtc;
import espalier.cuda.driver.Program;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/** {@link Nvrtc} for one architecture ("80", "90a"), with results kept under {@code target/} by the hash of all that went in. */
record PtxCompiler(Nvrtc nvrtc, String arch) {
    /** The compiler where it lies in the usual places. */
    static Optional<PtxCompiler> find(String arch) {
        return Nvrtc.find(Libraries.of(System::getProperty)).map(nvrtc -> new PtxCompiler(nvrtc, arch));
    }

    /** The PTX that the simulator executes: with line numbers. */
    String ptx(Program program) {
        return compile(program, Nvrtc.Target.PTX).text();
    }

    /** What ptxas says when it compiles for the real architecture: registers, spills, performance remarks. */
    String log(Program program) {
        return compile(program, Nvrtc.Target.CUBIN).log();
    }

    private Nvrtc.Compiled compile(Program program, Nvrtc.Target target) {
        Path kept = Path.of("target", "nvrtc", hash(program + " " + arch + target + nvrtc.version() + Nvrtc.SETTINGS));
        try {
            if (Files.exists(kept.resolve("image"))) {
                return new Nvrtc.Compiled(
                        Files.readAllBytes(kept.resolve("image")), Files.readString(kept.resolve("log")));
            }
            Nvrtc.Compiled result = nvrtc.compile(program, arch, target);
            Files.createDirectories(kept);
            write(kept.resolve("log"), result.log().getBytes(StandardCharsets.UTF_8));
            write(kept.resolve("image"), result.image());
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path file, byte[] bytes) throws IOException { // whole or not at all
        Path half = Files.createTempFile(file.getParent(), "half", "");
        Files.write(half, bytes);
        Files.move(half, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 16);
        } catch (NoSuchAlgorithmException e) { // every JDK has it
            throw new IllegalStateException(e);
        }
    }
}
