package espalier.cli;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The end of a server that is asked to stop: the first Ctrl-C (or SIGTERM) lets it finish, a second one ends it at once.
 *
 * <p>Once its hooks run, the JVM answers every further signal by waiting for them, and tells nobody. So the hook first gives
 * both signals back to the system, whose own answer is to end the process: {@code signal(SIGINT, SIG_DFL)}.
 */
final class Ending {
    private static final int SIGINT = 2;
    private static final int SIGTERM = 15;

    private Ending() {}

    /** What is done before the process ends. */
    interface Closing {
        void run() throws Exception;
    }

    /** Runs {@code closing} when the process is asked to stop, and says so, with the seconds that requests get. */
    static void arrange(Terminal terminal, int seconds, Closing closing) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            String atOnce = giveBackSignals()
                    ? "Press CTRL+C again"
                    : "kill -9 " + ProcessHandle.current().pid();
            Logs.say(
                    terminal,
                    "Shutting down; open requests get up to " + seconds + " s to finish. " + atOnce
                            + " to end at once.");
            try {
                closing.run();
            } catch (Exception e) { // the top of this thread
                Logs.say(terminal, "The server did not end as it should: " + e);
            }
            Logs.flush();
        }));
    }

    /** False where this system has no such call, or this process may not make it. */
    @SuppressWarnings("restricted") // asking the system is what this is for
    private static boolean giveBackSignals() {
        if (!Ending.class.getModule().isNativeAccessEnabled()) {
            return false;
        }
        try {
            Linker linker = Linker.nativeLinker();
            MethodHandle signal = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("signal"),
                    FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
            for (int number : new int[] {SIGINT, SIGTERM}) {
                var _ = (MemorySegment) signal.invokeExact(number, MemorySegment.NULL); // SIG_DFL
            }
            return true;
        } catch (Throwable _) { // whatever it is, a server that ends must not fail for it
            return false;
        }
    }
}
