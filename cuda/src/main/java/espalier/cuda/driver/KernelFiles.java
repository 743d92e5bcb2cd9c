package espalier.cuda.driver;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * Compiled kernels on disk, by a hash of everything that they depend on: source, headers, macros, architecture, compiler
 * and driver. A second start compiles nothing. A file that cannot be read or written only costs time.
 */
final class KernelFiles {
    private final Path folder;
    private final String environment;

    /** @param environment architecture, compiler and driver */
    KernelFiles(Path folder, String environment) {
        this.folder = folder;
        this.environment = environment;
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
        return folder.resolve(base + "-" + program.hash(environment) + ".cubin");
    }
}
