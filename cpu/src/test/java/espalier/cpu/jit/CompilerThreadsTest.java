package espalier.cpu.jit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class CompilerThreadsTest {

    @Test
    void threadsOfThatNameGiveWayAndNoOthers() throws Exception {
        if (!Code.obstacle().isEmpty()) {
            System.out.println("CompilerThreadsTest: " + Code.obstacle());
            return;
        }
        var end = new CountDownLatch(1);
        CompletableFuture<Path> nice = sleeper("giving way 1", end);
        CompletableFuture<Path> other = sleeper("keeping 1", end);
        try {
            int before = niceness(nice.get());
            CompilerThreads.giveWay(Path.of("/proc/self/task"), "(giving way");
            assertThat(niceness(nice.get())).isEqualTo(Math.min(19, before + 10));
            assertThat(niceness(other.get())).isEqualTo(before);
        } finally {
            end.countDown();
        }
    }

    @Test
    void nothingIsDoneWhereThereAreNoSuchFiles() {
        CompilerThreads.giveWay(Path.of("/no/such/folder"), "(C2 ");
    }

    /** A thread that waits, by the system's name for it. */
    private static CompletableFuture<Path> sleeper(String name, CountDownLatch end) {
        var known = new CompletableFuture<Path>();
        Thread.ofPlatform().daemon().name(name).start(() -> {
            try {
                known.complete(Path.of("/proc/thread-self").toRealPath());
                end.await();
            } catch (java.io.IOException | InterruptedException e) {
                known.completeExceptionally(e);
            }
        });
        return known;
    }

    private static int niceness(Path thread) throws java.io.IOException {
        String facts = Files.readString(thread.resolve("stat"));
        return Integer.parseInt(facts.substring(facts.lastIndexOf(')') + 2).split(" ")[16]);
    }
}
