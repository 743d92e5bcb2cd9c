package espalier.cpu.jit;

import espalier.api.EngineFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The file in which Linux's perf looks up names of code that no file holds: a line of address, size and name for each
 * piece, the numbers hexadecimal ({@code tools/perf/Documentation/jit-interface.txt} of the kernel). Lines are added,
 * since the JVM can write its own methods into the same file.
 */
final class PerfMap {
    /** A system property: {@code true} writes perf's map of this process. */
    static final String PROPERTY = "espalier.perfMap";

    private final Path file;
    private final List<String> lines = new ArrayList<>();

    PerfMap(Path file) {
        this.file = file;
    }

    /** The map of this process, where perf expects it. */
    static PerfMap ofThisProcess() {
        return new PerfMap(Path.of("/tmp", "perf-" + ProcessHandle.current().pid() + ".map"));
    }

    static boolean isWanted() {
        return Boolean.getBoolean(PROPERTY);
    }

    void add(String name, long address, int bytes) {
        lines.add(Long.toHexString(address) + " " + Integer.toHexString(bytes) + " espalier: " + name);
    }

    /** @throws EngineFault RESOURCE where the file cannot be written */
    void write() {
        try {
            Files.write(file, lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            lines.clear();
        } catch (IOException e) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "-D" + PROPERTY + "=true: the map " + file + " cannot be written; leave the property away",
                    e);
        }
    }
}
