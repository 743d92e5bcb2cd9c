package espalier.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.cuda.cases.Workbench;
import espalier.cuda.sim.SimulatedDriver;
import espalier.step.SamplingBatch;
import espalier.step.StepResult;
import espalier.tensor.DType;
import espalier.tensor.Sampler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Rows whose orders do not fit the sampler's memory together. What they choose is compared with the host by kernel cases. */
class DeviceSamplerTest {
    private static final int VOCAB = 200;
    private static final int LONGEST = 64;
    private static final List<SamplingParams> WAYS = List.of(
            params(b -> b.temperature(0).logprobs(3)),
            params(b -> b.temperature(1)),
            params(b -> b.temperature(1).logprobs(9)),
            params(b -> b.temperature(0).presencePenalty(1.5f).frequencyPenalty(0.4f)),
            params(b -> b.temperature(1.3f).topP(0.8f)),
            params(b -> b.temperature(0).logitBias(Map.of(7, 90f))),
            params(b -> b.temperature(0).repetitionPenalty(1.9f).logprobs(0)));

    private static SamplingParams params(UnaryOperator<SamplingParams.Builder> set) {
        return set.apply(SamplingParams.builder()).build();
    }

    /** Each row with a mask, those with penalties with a history when they come. */
    private static SamplingBatch batch(Workbench b, int step) {
        var rows = new ArrayList<SamplingBatch.Row>();
        for (int i = 0; i < WAYS.size(); i++) {
            long[] mask = b.random.longs(VOCAB / 64 + 1).map(w -> w | 1).toArray();
            int[] seen = b.random.ints(LONGEST, 0, VOCAB).toArray();
            @Nullable Tokens history = step == 0 && WAYS.get(i).hasPenalties() ? Tokens.of(seen) : null;
            rows.add(new SamplingBatch.Row(i, WAYS.get(i), 11 + i, 70 + step, Tokens.of(3), mask, history, 9));
        }
        return new SamplingBatch(step, rows);
    }

    private static String scores(StepResult result) {
        return result.logprobs().stream()
                .map(l -> l == null ? "none" : l.chosen() + " " + l.topIds() + Arrays.toString(l.topLogprobs()))
                .toList()
                .toString();
    }

    @Test
    void rowsThatDoNotFitTogetherChooseAsThoseThatDo() {
        SimulatedDriver.open(SimulatedDriver.Setup.of("90a")).ifPresent(device -> {
            try (SimulatedDriver driver = device;
                    var b = new Workbench(driver)) {
                var size = new Sampler.Size(WAYS.size(), VOCAB, LONGEST);
                try (var all = new DeviceSampler(b.driver(), b.stream(), size);
                        var few = new DeviceSampler(b.driver(), b.stream(), size, 500)) {
                    int taken = driver.faults().calls("allocate");
                    for (int step = 0; step < 3; step++) {
                        SamplingBatch how = batch(b, step);
                        float[] values = b.normal(WAYS.size() * VOCAB, 3);
                        View logits = View.dense(b.floats(values), DType.F32, WAYS.size(), VOCAB);
                        all.sample(logits, how);
                        StepResult want = all.result();
                        few.sample(logits, how);
                        StepResult got = few.result();
                        assertThat(got.tokens()).isEqualTo(want.tokens());
                        assertThat(scores(got)).isEqualTo(scores(want));
                    }
                    // Logits alone: each of the three steps brought its own.
                    assertThat(driver.faults().calls("allocate")).isEqualTo(taken + 3);
                }
                driver.expectNoFindings();
            }
        });
    }

    @Test
    void aRowWithMoreIdsThanThereAreIsSampledNevertheless() {
        SimulatedDriver.open(SimulatedDriver.Setup.of("90a")).ifPresent(device -> {
            try (SimulatedDriver driver = device;
                    var b = new Workbench(driver)) {
                int[] barred = new int[50_000];
                for (int i = 0; i < barred.length; i++) {
                    barred[i] = i == 0 ? 4 : VOCAB + i;
                }
                float[] values = b.normal(VOCAB, 1);
                values[4] = 100;
                values[5] = 99;
                View logits = View.dense(b.floats(values), DType.F32, 1, VOCAB);
                var row = new SamplingBatch.Row(0, WAYS.get(0), 1, 1, Tokens.of(barred), null, null, 0);
                try (var sampler = new DeviceSampler(b.driver(), b.stream(), new Sampler.Size(1, VOCAB, LONGEST))) {
                    sampler.sample(logits, new SamplingBatch(0, List.of(row)));
                    assertThat(sampler.result().tokens()).containsExactly(5);
                }
                driver.expectNoFindings();
            }
        });
    }
}
