package espalier.tensor.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.tensor.Collective;
import espalier.tensor.DType;
import espalier.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(20)
class ThreadRanksTest {

    private static Tensor tensor(int rows, int cols, int stride) {
        var buffer = new HostBuffer(Arena.ofAuto().allocate(4L * Math.max(1, rows) * stride, 64));
        return new Tensor(buffer, 0, DType.F32, rows, cols, stride);
    }

    private static Tensor random(Random random, int rows, int cols) {
        Tensor t = tensor(rows, cols, cols + 3);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < cols; j++) {
                Cells.setNumber(t, i, j, random.nextFloat() - 0.5f);
            }
        }
        return t;
    }

    private static <T> List<T> onAllRanks(ThreadRanks group, int ranks, Function<Collective, T> body) throws Exception {
        try (var threads = Executors.newFixedThreadPool(ranks)) {
            var futures = new ArrayList<Future<T>>();
            for (int r = 0; r < ranks; r++) {
                Collective member = group.rank(r);
                futures.add(threads.submit(() -> body.apply(member)));
            }
            var results = new ArrayList<T>();
            for (Future<T> f : futures) {
                results.add(f.get(10, TimeUnit.SECONDS));
            }
            return results;
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void aSumIsAddedInRankOrderAndIsTheSameBitsOnEveryRank(int ranks) throws Exception {
        var random = new Random(ranks);
        for (int[] shape : new int[][] {{1, 1}, {1, 7}, {5, 33}, {0, 4}}) {
            var mine = new ArrayList<Tensor>();
            for (int r = 0; r < ranks; r++) {
                mine.add(random(random, shape[0], shape[1]));
            }
            var want = new float[shape[0]][shape[1]];
            for (Tensor t : mine) {
                for (int i = 0; i < shape[0]; i++) {
                    for (int j = 0; j < shape[1]; j++) {
                        want[i][j] += Cells.number(t, i, j);
                    }
                }
            }
            onAllRanks(new ThreadRanks(ranks), ranks, member -> {
                member.allReduce(mine.get(member.rank()));
                return true;
            });
            for (Tensor t : mine) {
                for (int i = 0; i < shape[0]; i++) {
                    for (int j = 0; j < shape[1]; j++) {
                        assertThat(Cells.number(t, i, j)).isEqualTo(want[i][j]);
                    }
                }
            }
        }
    }

    @Test
    void aGatherLaysColumnsOutInRankOrderAlsoWhenRanksHoldDifferentWidths() throws Exception {
        int ranks = 3;
        var random = new Random(7);
        var mine = List.of(random(random, 4, 2), random(random, 4, 5), random(random, 4, 1));
        List<Tensor> all = onAllRanks(new ThreadRanks(ranks), ranks, member -> {
            Tensor out = tensor(4, 8, 9);
            member.allGather(mine.get(member.rank()), out);
            return out;
        });
        for (Tensor out : all) {
            for (int i = 0; i < 4; i++) {
                assertThat(Cells.number(out, i, 1)).isEqualTo(Cells.number(mine.get(0), i, 1));
                assertThat(Cells.number(out, i, 2)).isEqualTo(Cells.number(mine.get(1), i, 0));
                assertThat(Cells.number(out, i, 6)).isEqualTo(Cells.number(mine.get(1), i, 4));
                assertThat(Cells.number(out, i, 7)).isEqualTo(Cells.number(mine.get(2), i, 0));
            }
        }
    }

    @Test
    void manyMeetingsInARowNeverMixRounds() throws Exception {
        int ranks = 3;
        List<Boolean> right = onAllRanks(new ThreadRanks(ranks), ranks, member -> {
            Tensor x = tensor(1, 4, 4);
            for (int round = 0; round < 2000; round++) {
                for (int j = 0; j < 4; j++) {
                    Cells.setNumber(x, 0, j, round + member.rank());
                }
                member.allReduce(x);
                for (int j = 0; j < 4; j++) {
                    if (Cells.number(x, 0, j) != 3 * round + 3) {
                        return false;
                    }
                }
            }
            return true;
        });
        assertThat(right).containsOnly(true);
    }

    @Test
    void aRankThatLeavesReleasesThoseWhoWaitAndThoseWhoComeLater() throws Exception {
        var group = new ThreadRanks(2);
        try (var threads = Executors.newFixedThreadPool(1)) {
            Future<?> waiting = threads.submit(() -> group.rank(0).allReduce(tensor(1, 4, 4)));
            group.leave(1, "out of memory");
            assertThatThrownBy(() -> waiting.get(10, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(EngineFault.class)
                    .hasMessageContaining("rank 1 of 2 left the group: out of memory");
        }
        assertThatThrownBy(() -> group.rank(0).allGather(tensor(1, 4, 4), tensor(1, 8, 8)))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("out of memory");
    }
}
