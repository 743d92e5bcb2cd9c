package espalier.cuda.cases;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionLimits;
import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.PagedAttention.Mix;
import espalier.cuda.kernel.StepArrays;
import espalier.cuda.sim.SimulatedDriver;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the kernels move and where they wait for each other, as the simulator counts it. */
class AttentionTrafficTest {
    private static final AttentionShape LLAMA = AttentionCases.bf16(8, 2, 128);

    @ParameterizedTest
    @CsvSource({"80, 1", "80, 16", "90a, 1", "90a, 16"})
    void decodeMovesLittleMoreThanItMust(String arch, int pageSize) {
        run(arch, pageSize, Mix.DECODE, new int[] {1, 1}, new int[] {1100, 700}, (batch, device) -> {
            double cache = 2.0 * LLAMA.slotBytes() * batch.positions;
            double rows = 2.0 * 2 * batch.tokens * LLAMA.heads() * LLAMA.headDim();
            assertThat(32 * device.counters().sectors() / (cache + rows)).isBetween(1.0, 1.10);
        });
    }

    /** A prefix of 512 that twelve sequences share: nearly all that they would read by themselves; partial results are the rest. */
    @ParameterizedTest
    @CsvSource({"80, 1", "80, 16", "90a, 1", "90a, 16"})
    void aSharedPrefixIsReadOnce(String arch, int pageSize) {
        int[] rows = new int[12];
        int[] lengths = new int[12];
        int[] all = new int[12];
        for (int s = 0; s < 12; s++) {
            rows[s] = 1;
            lengths[s] = 520 + s;
            all[s] = s;
        }
        run(arch, pageSize, Mix.DECODE, rows, lengths, new AttentionBatch.Shared(512, all), (batch, device) -> {
            double byEach = 2.0 * LLAMA.slotBytes() * batch.positions;
            double once = 2.0 * LLAMA.slotBytes() * batch.positionsRead();
            double prefix = 2.0 * LLAMA.slotBytes() * 512;
            double moved = 32.0 * device.counters().sectors();
            assertThat(moved).isLessThan(byEach / 4);
            assertThat(moved)
                    .as("with partial results, less than the prefix read twice more")
                    .isLessThan(once + 2 * prefix);
        });
    }

    @ParameterizedTest
    @CsvSource({"80, 1", "90a, 1", "90a, 16"})
    void prefillHasNoBankConflicts(String arch, int pageSize) {
        run(arch, pageSize, Mix.PREFILL, new int[] {40, 130}, new int[] {190, 130}, (_, _) -> {});
    }

    private interface Look {
        void at(AttentionBatch batch, SimulatedDriver device);
    }

    private static void run(String arch, int pageSize, Mix mix, int[] rows, int[] lengths, Look look) {
        run(arch, pageSize, mix, rows, lengths, null, look);
    }

    private static void run(
            String arch,
            int pageSize,
            Mix mix,
            int[] rows,
            int[] lengths,
            AttentionBatch.@Nullable Shared shared,
            Look look) {
        Optional<SimulatedDriver> driver = SimulatedDriver.open(SimulatedDriver.Setup.of(arch));
        if (driver.isEmpty()) {
            return;
        }
        try (SimulatedDriver device = driver.get();
                var bench = new Workbench(device)) {
            var batch = new AttentionBatch(LLAMA, pageSize, rows, lengths, bench.random);
            if (shared != null) {
                batch.share(shared);
            }
            StepArrays step = batch.upload(bench);
            AttentionCall call = new AttentionData(batch, bench).upload(bench, 0);
            var limits = new AttentionLimits(rows.length, batch.tokens, batch.positions, 0, shared == null ? 0 : 2);
            try (var attention = new PagedAttention(device, bench.stream(), LLAMA, limits, pageSize)) {
                PagedAttention.Plan plan = shared == null ? batch.plan(step, mix) : batch.planSharing(bench, step, mix);
                attention.plan(bench.stream(), plan);
                attention.attend(bench.stream(), plan, call);
                device.synchronize(bench.stream());
                assertThat(device.counters().worstConflict()).isEqualTo(1.0);
                look.at(batch, device);
            }
        }
    }
}
