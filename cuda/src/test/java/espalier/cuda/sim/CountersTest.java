package espalier.cuda.sim;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cuda.cases.KernelCase;
import espalier.cuda.cases.KernelCases;
import espalier.cuda.cases.Workbench;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What the simulator counts, against counts made by hand; and what the product's kernels may cost. */
class CountersTest {
    private static void on(String arch, Consumer<Workbench> run, Consumer<Counters> then) {
        SimulatedDriver.open(SimulatedDriver.Setup.of(arch)).ifPresent(device -> {
            try (device;
                    var bench = new Workbench(device)) {
                run.accept(bench);
                device.synchronize(bench.stream());
                then.accept(device.counters());
            }
        });
    }

    @Test
    void sectorsAreThoseThatAWarpTouches() {
        on("80", b -> Specimens.gemv(b, 4, 1024), counters -> {
            Counters.Totals t = counters.totals("gemv");
            long matrix = 4 * 1024 * 2, vector = 4 * 1024 * 2; // each of the four warps reads x
            assertThat(t.usedBytes()).isEqualTo(matrix + vector + 4 * 4);
            assertThat(t.movedBytes()).isEqualTo(matrix + vector + 4 * 32); // y: a value a warp, a sector each
            assertThat(t.lanes()).isGreaterThan(t.instructions() * 20);
        });
    }

    @Test
    void tensorCoresAndInstructionsAreCountedByKind() {
        on("90a", b -> Specimens.gemmWgmma(b, 64, 128, 256), counters -> {
            Counters.Totals t = counters.totals("gemm_wgmma");
            assertThat(t.flops()).isEqualTo(2L * 64 * 128 * 256);
            assertThat(t.kinds().get("wgmma")).isEqualTo(4 * (16 + 3 * 4)); // warps, products and fence, commit, wait
            assertThat(t.share("wgmma", "mma")).isBetween(0.01, 0.9);
            assertThat(counters.report()).contains("gemm_wgmma", "Mflop");
        });
    }

    private static KernelCase named(String beginning) {
        return KernelCases.all().stream()
                .filter(c -> c.name().startsWith(beginning))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void pagedDecodeAttentionMovesHardlyMoreThanItMustRead() {
        for (int page : new int[] {1, 16}) {
            on(
                    "90a",
                    b -> named("decode attention 8/2 x 128 page " + page + " [1100, 5]")
                            .check(b),
                    counters -> {
                        long keysAndValues = 1105L * 2 * 128 * 2 * 2, runs = 2;
                        Counters.Totals t = counters.totals("decode_attention");
                        assertThat(t.movedBytes())
                                .as("page " + page)
                                .isBetween(runs * keysAndValues, runs * keysAndValues * 11 / 10);
                        assertThat(t.conflicts()).as("page " + page).isZero();
                    });
        }
    }

    @Test
    void prefillAttentionHasNoBankConflicts() {
        on("90a", b -> named("prefill attention 4/1 x 128 page 1 [140, 5]").check(b), counters -> {
            Counters.Totals t = counters.totals("prefill_attention");
            assertThat(t.conflicts()).isZero();
            assertThat(t.flops()).isPositive();
        });
    }
}
