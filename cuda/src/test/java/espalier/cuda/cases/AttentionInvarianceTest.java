package espalier.cuda.cases;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Stream;
import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionCall.Rows;
import espalier.cuda.kernel.AttentionLimits;
import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.PagedAttention.Mix;
import espalier.cuda.kernel.ShortSections;
import espalier.cuda.kernel.StepArrays;
import espalier.cuda.sim.SimulatedDriver;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A row's attention is the same bit for bit in every batch, and over a cached prefix. */
class AttentionInvarianceTest {
    private static final AttentionShape LLAMA = AttentionCases.bf16(4, 2, 128);

    @ParameterizedTest
    @ValueSource(strings = {"80", "90a"})
    void decodeAloneIsAsInABatch(String arch) {
        int[] lengths = {1500, 17, 300, 900, 128, 129, 1024, 5};
        int[] ones = new int[lengths.length];
        Arrays.fill(ones, 1);
        with(arch, ones, lengths, (all, batched) -> {
            for (int s : new int[] {0, 3, 6}) {
                assertThat(all.run(Mix.DECODE, s, 0)).as("sequence %d", s).isEqualTo(all.rowsOf(batched, s, 0));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"80", "90a"})
    void decodeAloneByTheKernelOfFewIsAsInABatch(String arch) {
        int[] lengths = {1500, 17, 300, 900, 128, 129, 1024, 5};
        int[] ones = new int[lengths.length];
        Arrays.fill(ones, 1);
        with(arch, PagedAttention::alike, 1.5, ones, lengths, (all, batched) -> {
            for (int s = 0; s < lengths.length; s++) {
                assertThat(all.run(Mix.DECODE, s, 0)).as("sequence %d", s).isEqualTo(all.rowsOf(batched, s, 0));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"80", "90a"})
    void prefillAloneAndOverACachedPrefixIsAsInABatch(String arch) {
        int[] lengths = {210, 33, 300};
        with(arch, new int[] {210, 33, 40}, lengths, (all, batched) -> {
            for (int skipped : new int[] {0, 1, 127, 130, 200}) {
                assertThat(all.run(Mix.PREFILL, 0, skipped))
                        .as("%d rows cached", skipped)
                        .isEqualTo(all.rowsOf(batched, 0, skipped));
            }
        });
    }

    /** Where a block of keys is done again for some rows and not for others. */
    @Test
    void prefillOfScoresFarApartIsAsInABatch() {
        int[] rows = {210, 33, 40};
        with("90a", PagedAttention::new, AttentionCase.FAR_APART, rows, new int[] {210, 33, 300}, (all, batched) -> {
            for (int skipped : new int[] {0, 1, 127, 130}) {
                assertThat(all.run(Mix.PREFILL, 0, skipped))
                        .as("%d rows cached", skipped)
                        .isEqualTo(all.rowsOf(batched, 0, skipped));
            }
        });
    }

    /** Several tiles, each done by one block, against each section of a tile done by another. */
    @Test
    void aLongContextIsTheSameWhetherItIsSplitOrNot() {
        int[] lengths = {210, 33, 300};
        with("90a", ShortSections::open, 1.5, new int[] {210, 33, 40}, lengths, (all, batched) -> {
            float[] want = all.data().expected(0);
            float[] got = all.bench().readBf16(all.call().out(), want.length);
            all.bench().compare("sections", got, want, LLAMA.headDim(), 1e-2);
            for (int skipped : new int[] {120, 200}) {
                assertThat(all.run(Mix.PREFILL, 0, skipped))
                        .as("%d rows cached", skipped)
                        .isEqualTo(all.rowsOf(batched, 0, skipped));
            }
            assertThat(all.run(Mix.PREFILL, 2, 0)).isEqualTo(all.rowsOf(batched, 2, 0));
        });
    }

    private interface Opening {
        PagedAttention open(Driver driver, Stream stream, AttentionShape shape, AttentionLimits limits, int pageSize);
    }

    private interface Check {
        void of(Batch all, short[] batched);
    }

    private static void with(String arch, int[] rows, int[] lengths, Check check) {
        with(arch, PagedAttention::new, 1.5, rows, lengths, check);
    }

    private static void with(String arch, Opening opening, double deviation, int[] rows, int[] lengths, Check check) {
        Optional<SimulatedDriver> driver = SimulatedDriver.open(SimulatedDriver.Setup.of(arch));
        if (driver.isEmpty()) {
            return;
        }
        try (SimulatedDriver device = driver.get();
                var bench = new Workbench(device)) {
            var batch = new AttentionBatch(LLAMA, 1, rows, lengths, bench.random);
            var limits = new AttentionLimits(rows.length, batch.tokens, batch.positions, 0);
            try (PagedAttention attention = opening.open(device, bench.stream(), LLAMA, limits, 1)) {
                var data = new AttentionData(batch, bench, deviation);
                AttentionCall call = data.upload(bench, 0);
                StepArrays step = batch.upload(bench);
                var all = new Batch(bench, attention, data, step, call);
                PagedAttention.Plan plan = batch.plan(step, rows[0] == 1 ? Mix.DECODE : Mix.PREFILL);
                attention.plan(bench.stream(), plan);
                attention.attend(bench.stream(), plan, call);
                check.of(all, bench.readShorts(call.out(), batch.tokens * all.cols()));
                device.expectNoFindings();
            }
        }
    }

    private record Batch(
            Workbench bench, PagedAttention attention, AttentionData data, StepArrays step, AttentionCall call) {
        AttentionBatch batch() {
            return data.batch;
        }

        int cols() {
            return LLAMA.heads() * LLAMA.headDim();
        }

        /** The output of one sequence, from a row of it on. */
        short[] rowsOf(short[] all, int s, int skipped) {
            int from = batch().firstRow[s] + skipped;
            int to = batch().firstRow[s] + batch().rows[s];
            return Arrays.copyOfRange(all, from * cols(), to * cols());
        }

        /** The same computed alone, the rows before {@code skipped} being cached. */
        short[] run(Mix mix, int s, int skipped) {
            int count = batch().rows[s] - skipped;
            int from = batch().firstRow[s] + skipped;
            var alone = new StepArrays(
                    step.positions(),
                    step.writeSlots(),
                    bench.ints(0),
                    bench.ints(batch().lengths[s]),
                    bench.ints(batch().seats[s]),
                    step.pageTable(),
                    step.pageStride(),
                    step.pageSize(),
                    1,
                    count);
            var moved = new AttentionCall(
                    from(call.q(), from),
                    from(call.k(), from),
                    from(call.v(), from),
                    bench.poisoned(2L * count * cols()),
                    call.cache(),
                    call.scale(),
                    0);
            var plan = new PagedAttention.Plan(alone, mix, batch().lengths[s] > count ? 1 : 0, batch().lengths[s]);
            attention.plan(bench.stream(), plan);
            attention.attend(bench.stream(), plan, moved);
            return bench.readShorts(moved.out(), count * cols());
        }

        private static Rows from(Rows rows, int row) {
            return new Rows(rows.address() + 2L * row * rows.stride(), rows.stride());
        }
    }
}
