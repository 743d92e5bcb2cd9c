package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Where threads are put on made-up machines. */
class NodesTest {
    private static List<Integer> range(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    private static final Nodes TWO = new Nodes(List.of(range(0, 8), range(8, 16)));
    private static final Nodes UNEVEN = new Nodes(List.of(range(0, 2), range(2, 8)));
    private static final Nodes FOUR = new Nodes(List.of(range(0, 4), range(4, 8), range(8, 12), range(12, 16)));

    private static List<Integer> nodes(Placement placement) {
        return placement.homes().stream().map(Placement.Home::node).toList();
    }

    @Test
    void onOneNodeNothingIsSaid() {
        for (Nodes one : List.of(new Nodes(List.of()), new Nodes(List.of(range(0, 8))))) {
            Placement placement = one.place(2, 1, 3);
            assertThat(placement).isEqualTo(Placement.anywhere(3));
            assertThat(placement.bounds()).containsExactly(0, 3);
            assertThat(placement.remark()).isEmpty();
        }
    }

    @Test
    void aRankAloneHasLanesOfAllNodesInOrder() {
        Placement placement = TWO.place(1, 0, 6);
        assertThat(nodes(placement)).containsExactly(0, 0, 0, 1, 1, 1);
        assertThat(placement.homes().getFirst().processors()).isEqualTo(range(0, 8));
        assertThat(placement.homes().getLast().processors()).isEqualTo(range(8, 16));
        assertThat(placement.bounds()).containsExactly(0, 3, 6);
        assertThat(placement.remark()).isEqualTo("threads stay on their memory nodes; of each there are {0=3, 1=3}");
        assertThat(nodes(UNEVEN.place(1, 0, 4))).containsExactly(0, 1, 1, 1);
        assertThat(nodes(UNEVEN.place(1, 0, 8))).containsExactly(0, 0, 1, 1, 1, 1, 1, 1);
        assertThat(nodes(FOUR.place(1, 0, 3))).containsExactly(0, 1, 2);
        assertThat(nodes(TWO.place(1, 0, 1))).containsExactly(0);
    }

    @Test
    void eachRankHasANodeOfItsOwnOrSeveralOrSharesOne() {
        assertThat(nodes(TWO.place(2, 0, 4))).containsOnly(0);
        assertThat(nodes(TWO.place(2, 1, 4))).containsOnly(1);
        assertThat(nodes(FOUR.place(2, 0, 4))).containsExactly(0, 0, 1, 1);
        assertThat(nodes(FOUR.place(2, 1, 4))).containsExactly(2, 2, 3, 3);
        assertThat(IntStream.range(0, 4).mapToObj(rank -> nodes(TWO.place(4, rank, 1))))
                .containsExactly(List.of(0), List.of(0), List.of(1), List.of(1));
        assertThat(IntStream.range(0, 3).mapToObj(rank -> nodes(TWO.place(3, rank, 1))))
                .containsExactly(List.of(0), List.of(0), List.of(1));
        assertThat(FOUR.place(4, 2, 9).bounds()).containsExactly(0, 9);
    }

    /** On the machine that runs this, if it is one where threads can be kept. */
    @Test
    void aThreadStaysWhereItIsPut() throws Exception {
        Path status = Path.of("/proc/thread-self/status");
        List<Integer> mine =
                new Nodes(List.of(Machine.local().processors())).processors().getFirst();
        if (!Files.exists(status) || mine.isEmpty()) {
            System.out.println("not tested: nothing tells which processors a thread may use");
            return;
        }
        int last = mine.getLast();
        var allowed = new CompletableFuture<String>();
        var _ = Thread.ofPlatform().start(() -> {
            try {
                assertThat(Affinity.set(List.of(last))).isTrue();
                allowed.complete(Files.readString(status));
            } catch (IOException | RuntimeException | AssertionError e) {
                allowed.completeExceptionally(e);
            }
        });
        assertThat(allowed.get().lines()).contains("Cpus_allowed_list:\t" + last);
        assertThat(Affinity.set(List.of())).isFalse();
    }
}
