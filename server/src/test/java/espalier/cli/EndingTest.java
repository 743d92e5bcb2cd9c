package espalier.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Signals reach a process of its own. */
class EndingTest {

    @Test
    void theFirstSignalIsToldAndLogsGoOnAndTheSecondEndsTheProcess() throws Exception {
        Process process = start();
        try (BufferedReader lines = process.errorReader()) {
            assertThat(lines.readLine()).endsWith("] serving");
            interrupt(process);
            assertThat(lines.readLine())
                    .endsWith(
                            "] Shutting down; open requests get up to 30 s to finish. Press CTRL+C again to end at once.");
            assertThat(lines.readLine()).endsWith("] still closing");
            interrupt(process);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as("128 + SIGINT").isEqualTo(130);
        } finally {
            process.destroyForcibly();
        }
    }

    private static void interrupt(Process process) throws Exception {
        assertThat(new ProcessBuilder("kill", "-INT", String.valueOf(process.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    private static Process start() throws Exception {
        String root = System.getProperty("espalier.root", "..");
        String path = Stream.of(
                        System.getProperty("java.class.path"),
                        System.getProperty("jdk.module.path"),
                        Path.of(root, "server", "target", "test-classes").toString())
                .filter(p -> p != null && !p.isEmpty())
                .collect(Collectors.joining(File.pathSeparator));
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        path,
                        Serving.class.getName())
                .start();
    }

    /** A server that never comes to its end. */
    static final class Serving {
        private static final System.Logger LOG = System.getLogger("espalier.test");

        public static void main(String[] args) throws Exception {
            var terminal = new Terminal(System.out, System.err, System.in, Map.of(), null, null);
            Logs.install(terminal, "info");
            Ending.arrange(terminal, 30, Serving::close);
            LOG.log(Level.INFO, "serving");
            Thread.currentThread().join();
        }

        private static void close() {
            while (true) {
                LOG.log(Level.INFO, "still closing");
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            }
        }
    }
}
