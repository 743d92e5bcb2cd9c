package espalier.cpu.jit;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Makes the JVM's optimising compiler give way to whoever computes. It has most to do at start, when threads of the team pack
 * weights and run the first pass on every core: a step ends when its last part does, so each of the compiler's
 * milliseconds on one core is one that all the others wait. It may use what nobody else wants, and a tenth of a core beside
 * that; code of the first compiler runs meanwhile, and that one keeps its priority.
 *
 * <p>A thread of Linux has a priority of its own, which anybody may lower; to raise it again takes a privilege, so it stays.
 */
public final class CompilerThreads {
    private static final int MORE_NICENESS = 10;
    private static final int MOST_NICENESS = 19;
    private static final int PRIO_PROCESS = 0;
    /** Where niceness is, counted from the field behind the thread's name. */
    private static final int NICENESS_FIELD = 16;

    private CompilerThreads() {}

    /** Does nothing where it cannot. */
    public static void giveWay() {
        if (Code.obstacle().isEmpty()) {
            giveWay(Path.of("/proc/self/task"), "(C2 ");
        }
    }

    /** @param names with what they begin, in brackets as the system writes them */
    static void giveWay(Path threads, String names) {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(threads)) {
            for (Path thread : all) {
                giveWay(thread, facts(thread), names);
            }
        } catch (IOException | DirectoryIteratorException e) {
            // no such files here: the compiler stays as it is
        }
    }

    /** Nothing of a thread that has ended meanwhile. */
    private static String facts(Path thread) {
        try {
            return Files.readString(thread.resolve("stat"));
        } catch (IOException ended) {
            return "";
        }
    }

    private static void giveWay(Path thread, String facts, String names) {
        int name = facts.indexOf('(');
        if (name >= 0 && facts.startsWith(names, name)) {
            String[] fields = facts.substring(facts.lastIndexOf(')') + 2).split(" ");
            int niceness = Math.min(MOST_NICENESS, Integer.parseInt(fields[NICENESS_FIELD]) + MORE_NICENESS);
            long id = Long.parseLong(String.valueOf(thread.getFileName()));
            long _ = Libc.call("setpriority", PRIO_PROCESS, id, niceness, 0, 0, 0);
        }
    }
}
