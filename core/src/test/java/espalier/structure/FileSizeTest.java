package espalier.structure;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * A file that is read whole is understood. Kernels and bindings (the modules of devices) may be longer than the rest.
 * The exceptions may only shrink: a file that grew is an error, and so is an entry that is larger than its file.
 */
class FileSizeTest {
    private static final int LINES = 400;
    private static final int KERNEL_LINES = 800;

    /** Path from the root of the repository to the lines that the file has. */
    private static final Map<String, Integer> LARGER = Map.of();

    @Test
    void filesStaySmall() throws IOException {
        var wrong = new TreeSet<String>();
        Path root = Classes.repository();
        for (String module : new String[] {"core", "cpu", "cuda", "server", "bench"}) {
            Path sources = root.resolve(module).resolve("src");
            if (!Files.isDirectory(sources)) {
                continue;
            }
            try (var files = Files.walk(sources)) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    String name = root.relativize(file).toString().replace('\\', '/');
                    long lines;
                    try (var text = Files.lines(file)) {
                        lines = text.count();
                    }
                    int most = module.equals("cpu") || module.equals("cuda") ? KERNEL_LINES : LINES;
                    Integer exception = LARGER.get(name);
                    if (exception == null ? lines > most : lines != exception || lines <= most) {
                        wrong.add(name + " has " + lines + " lines; allowed are "
                                + (exception == null ? "at most " + most : "the " + exception + " that it had"));
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
    }
}
