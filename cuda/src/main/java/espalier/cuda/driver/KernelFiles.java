package espalier.cuda.driver;

import espalier.api.EngineFault;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * Compiled kernels on disk, by a hash of everything that they depend on: source, headers, macros, architecture, compiler
 * and driver. A second start compiles nothing. A file that cannot be read or written only costs time.
 */
final class KernelFiles {
    private final Path folder;
    private final String suffix;

    /** @param environment architecture, compiler and driver */
    KernelFiles(Path folder, String environment) {
        this.folder = folder;
        this.suffix = environment;
    }

    Optional<byte[]> read(Program program) {
        try {
            byte[] image = Files.readAllBytes(file(program));
            return image.length == 0 ? Optional.empty() : Optional.of(image);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // compiled again
        }
    }

    void write(Program program, byte[] image) {
        try {
            Files.createDirectories(folder);
            Path part = Files.createTempFile(folder, "part", ".tmp");
            Files.write(part, image);
            Files.move(part, file(program), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            // Read-only or full: the kernels are compiled again at the next start.
        }
    }

    void forget(Program program) {
        try {
            Files.deleteIfExists(file(program));
        } catch (IOException e) {
            // It is compiled again either way.
        }
    }

    private Path file(Program program) {
        String base = program.name().replace(".cu", "");
        return folder.resolve(base + "-" + hash(program) + ".cubin");
    }

    private String hash(Program program) {
        try {
            var digest = MessageDigest.getInstance("SHA-256");
            add(digest, suffix);
            add(digest, program.name());
            add(digest, program.source());
            for (Map<String, String> each : java.util.List.of(program.headers(), program.defines())) {
                each.forEach((name, text) -> {
                    add(digest, name);
                    add(digest, text);
                });
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "this Java runtime lacks SHA-256", e);
        }
    }

    private static void add(MessageDigest digest, String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
    }
}
