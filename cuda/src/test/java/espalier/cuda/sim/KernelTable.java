package espalier.cuda.sim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * The table in {@code docs/kernels.md}: registers of a thread and static shared memory of a block, the most over a kernel's
 * variants, by architecture. It holds for one version of NVRTC, which it names.
 */
final class KernelTable {
    private static final String BEGIN = "<!-- registers: written by KernelCasesTest -->\n", END = "<!-- end -->";

    private final String version;
    private final Map<String, Map<String, PtxasLog.Usage>> kernels = new TreeMap<>(); // by file and name, architecture

    KernelTable(String version) {
        this.version = version;
    }

    synchronized void add(String file, String arch, PtxasLog log) {
        log.kernels()
                .forEach((name, usage) -> kernels.computeIfAbsent(file + " " + name, _ -> new TreeMap<>())
                        .merge(arch, usage, PtxasLog.Usage::max));
    }

    private String text() {
        var text = new StringBuilder("Registers of a thread (bytes of static shared memory), the most over a kernel's "
                + "variants, by NVRTC " + version + ":\n\n| kernel |");
        Architectures.ALL.forEach(arch -> text.append(" sm_").append(arch).append(" |"));
        text.append("\n|---|").append("---|".repeat(Architectures.ALL.size())).append('\n');
        kernels.forEach((name, byArch) -> {
            text.append("| ").append(name).append(" |");
            for (String arch : Architectures.ALL) {
                PtxasLog.Usage u = byArch.get(arch);
                text.append(
                        u == null
                                ? " |"
                                : " " + u.registers() + (u.sharedBytes() == 0 ? "" : " (" + u.sharedBytes() + ")")
                                        + " |");
            }
            text.append('\n');
        });
        return text.toString();
    }

    /**
     * Compares the table of the document with this one; {@code write}: puts this one there. A table of another version of
     * NVRTC is left alone.
     *
     * @return what is wrong, or ""
     */
    String check(Path document, boolean write) {
        try {
            String old = Files.readString(document);
            if (kernels.isEmpty()) {
                return ""; // no NVRTC here
            }
            int begin = old.indexOf(BEGIN), end = old.indexOf(END, begin);
            if (begin < 0 || end < 0) {
                return document + " has no place for the table of registers";
            }
            String table = old.substring(begin + BEGIN.length(), end);
            if (write) {
                Files.writeString(document, old.substring(0, begin + BEGIN.length()) + text() + old.substring(end));
                return "";
            }
            if (!table.contains("by NVRTC " + version + ":")) {
                System.out.println("The table of registers in " + document.getFileName() + " is of another NVRTC than "
                        + version + ", so it was not compared.");
                return "";
            }
            return table.equals(text())
                    ? ""
                    : document.getFileName() + " is out of date; -Despalier.kernels.write=true writes it anew:\n"
                            + text();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
