package espalier.tensor.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import espalier.api.SamplingParams;
import espalier.api.TokenLogprobs;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.step.StepResult;
import espalier.tensor.DType;
import espalier.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class HostSamplerTest {
    private static final int SEATS = 8;

    private static SamplingParams.Builder params() {
        return SamplingParams.builder();
    }

    private static SamplingBatch.Row row(SamplingParams p, long seed, int position) {
        return new SamplingBatch.Row(0, p, seed, position, Tokens.empty(), null, null, 0);
    }

    private static SamplingBatch.Row counted(SamplingParams p, Tokens history, int outputFrom) {
        return new SamplingBatch.Row(0, p, 1, 9, Tokens.empty(), null, history, outputFrom);
    }

    private static HostSampler sampler(int vocab) {
        return new HostSampler(new HostBuffer(Arena.ofAuto().allocate(4 * SEATS, 4)), SEATS, vocab, Parts.inTurn());
    }

    private static Tensor tensor(float[]... rows) {
        int cols = rows[0].length;
        var buffer = new HostBuffer(Arena.ofAuto().allocate(4L * rows.length * (cols + 2), 4));
        var t = new Tensor(buffer, 0, DType.F32, rows.length, cols, cols + 2);
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < cols; j++) {
                Cells.setNumber(t, i, j, rows[i][j]);
            }
        }
        return t;
    }

    private static StepResult sample(HostSampler sampler, float[] logits, SamplingBatch.Row row) {
        sampler.sample(tensor(logits), new SamplingBatch(1, List.of(row)));
        return sampler.result();
    }

    private static int token(float[] logits, SamplingBatch.Row row) {
        return sample(sampler(logits.length), logits, row).tokens()[0];
    }

    private static float[] randomLogits(Random random, int vocab, float spread) {
        var logits = new float[vocab];
        for (int i = 0; i < vocab; i++) {
            logits[i] = (float) random.nextGaussian() * spread;
        }
        return logits;
    }

    @Test
    void aRowWithoutMemoryForItsLogProbabilitiesIsAloneInThat() {
        var lastTokens = new HostBuffer(Arena.ofAuto().allocate(4 * SEATS, 4));
        var sampler = new HostSampler(lastTokens, SEATS, 3, Parts.inTurn(), count -> {
            if (count == 2) {
                throw new OutOfMemoryError("injected");
            }
            return new float[count];
        });
        var rows = new ArrayList<SamplingBatch.Row>();
        for (int logprobs : new int[] {-1, 2, 1}) {
            SamplingParams p = params().temperature(0).logprobs(logprobs).build();
            rows.add(new SamplingBatch.Row(rows.size(), p, 1, 9, Tokens.empty(), null, null, 0));
        }
        sampler.sample(
                tensor(new float[] {0, 1, 2}, new float[] {0, 2, 1}, new float[] {5, 1, 2}),
                new SamplingBatch(1, rows));
        assertThat(sampler.result().tokens()).containsExactly(2, StepResult.NO_MEMORY, 0);
        assertThat(sampler.result().logprobs().get(1)).isNull();
        assertThat(sampler.result().logprobs().get(2)).isNotNull();
        assertThat(Cells.integer(sampler.lastTokens(), 0, 1))
                .as("what other ranks have chosen")
                .isEqualTo(1);
    }

    @Test
    void greedyTakesTheGreatestAndTheLowestIdAmongEquals() {
        assertThat(token(new float[] {1, 3, 3, 2}, row(SamplingParams.greedy(), 1, 1)))
                .isEqualTo(1);
        assertThat(token(new float[] {-7, -3, -9, -3}, row(params().topK(1).build(), 1, 1)))
                .isEqualTo(1);
    }

    @Test
    void theTokenIsLeftForTheNextStepInItsSeat() {
        HostSampler sampler = sampler(4);
        var how = new SamplingBatch.Row(5, SamplingParams.greedy(), 1, 1, Tokens.empty(), null, null, 0);
        sampler.sample(tensor(new float[] {0, 0, 9, 0}), new SamplingBatch(17, List.of(how)));
        assertThat(Cells.integer(sampler.lastTokens(), 0, 5)).isEqualTo(2);
        assertThat(sampler.result().number()).isEqualTo(17);
    }

    @Test
    void biasIsAddedAndForbiddenIdsAreNeverChosen() {
        float[] logits = {4, 3, 2, 1};
        SamplingParams biased =
                params().temperature(0).logitBias(Map.of(3, 3.5f, 99, 5f)).build();
        assertThat(token(logits, row(biased, 1, 1))).isEqualTo(3);
        var barred = new SamplingBatch.Row(0, SamplingParams.greedy(), 1, 1, Tokens.of(0, 2, 99), null, null, 0);
        assertThat(token(logits, barred)).isEqualTo(1);
        var mask = new long[] {0b0100};
        var masked = new SamplingBatch.Row(0, SamplingParams.greedy(), 1, 1, Tokens.empty(), mask, null, 0);
        assertThat(token(logits, masked)).isEqualTo(2);
        var large = new float[200];
        large[130] = -5;
        var far = new SamplingBatch.Row(0, params().build(), 1, 1, Tokens.empty(), new long[] {0, 0, 0b0100}, null, 0);
        assertThat(token(large, far)).isEqualTo(130);
    }

    @Test
    void whereNothingMayBeChosenItSaysSo() {
        var none = new SamplingBatch.Row(0, params().build(), 1, 1, Tokens.empty(), new long[] {0}, null, 0);
        HostSampler sampler = sampler(3);
        assertThat(sample(sampler, new float[] {1, 2, 3}, none).tokens()).containsExactly(-1);
        assertThat(Cells.integer(sampler.lastTokens(), 0, 0)).isZero();
        float nan = Float.NaN;
        assertThat(token(new float[] {nan, nan}, row(params().build(), 1, 1))).isEqualTo(-1);
        assertThat(token(new float[] {nan, 1}, row(params().build(), 1, 1))).isEqualTo(1);
    }

    @Test
    void repetitionScalesWhatPromptOrOutputHolds() {
        SamplingParams p = params().temperature(0).repetitionPenalty(2).build();
        assertThat(token(new float[] {4, 3, 1}, counted(p, Tokens.of(0), 1))).isEqualTo(1);
        assertThat(token(new float[] {-2, -3, -9}, counted(p, Tokens.of(0), 0))).isEqualTo(1);
        assertThat(token(new float[] {4, 3, 1}, counted(p, Tokens.of(0, 1), 1))).isEqualTo(0);
    }

    @Test
    void presenceAndFrequencyCountTheOutputAlone() {
        SamplingParams presence = params().temperature(0).presencePenalty(1.5f).build();
        SamplingParams frequency =
                params().temperature(0).frequencyPenalty(0.5f).build();
        float[] logits = {4, 3, 1};
        assertThat(token(logits, counted(presence, Tokens.of(0), 1))).isEqualTo(0);
        assertThat(token(logits, counted(presence, Tokens.of(1, 0), 1))).isEqualTo(1);
        assertThat(token(logits, counted(frequency, Tokens.of(0, 0), 0))).isEqualTo(0);
        assertThat(token(logits, counted(frequency, Tokens.of(0, 0, 0), 0))).isEqualTo(1);
    }

    @Test
    void laterChoicesAreCountedUntilTheSeatIsOpenedAgain() {
        SamplingParams p = params().temperature(0).frequencyPenalty(1).build();
        HostSampler sampler = sampler(3);
        float[] logits = {4, 3.5f, 1};
        var tokens = new ArrayList<Integer>();
        tokens.add(sample(sampler, logits, counted(p, Tokens.of(2, 2), 2)).tokens()[0]);
        for (int i = 0; i < 3; i++) {
            tokens.add(sample(sampler, logits, row(p, 1, i)).tokens()[0]);
        }
        assertThat(tokens).containsExactly(0, 1, 0, 1);
        assertThat(sample(sampler, logits, counted(p, Tokens.of(2), 1)).tokens())
                .containsExactly(0);
    }

    @Test
    void manyDifferentTokensAreAllCounted() {
        SamplingParams p = params().temperature(0).presencePenalty(2).build();
        HostSampler sampler = sampler(500);
        var chosen = new TreeSet<Integer>();
        sampler.sample(tensor(new float[500]), new SamplingBatch(1, List.of(counted(p, Tokens.of(7), 1))));
        chosen.add(sampler.result().tokens()[0]);
        for (int i = 1; i < 500; i++) {
            chosen.add(sample(sampler, new float[500], row(p, 1, i)).tokens()[0]);
        }
        assertThat(chosen).hasSize(500);
    }

    /** The same rules written with a sort: which ids stay. */
    private static TreeMap<Integer, Double> kept(float[] logits, SamplingParams p) {
        var order = new Integer[logits.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> logits[a] != logits[b] ? Float.compare(logits[b], logits[a]) : a - b);
        var probability = new double[logits.length];
        double all = 0;
        for (int i = 0; i < logits.length; i++) {
            probability[i] = Math.exp(((double) logits[i] - logits[order[0]]) / p.temperature());
            all += probability[i];
        }
        var kept = new TreeMap<Integer, Double>();
        double before = 0;
        for (int rank = 0; rank < order.length; rank++) {
            double mine = probability[order[rank]];
            if ((p.topK() > 0 && rank >= p.topK()) || before / all > p.topP() || mine < p.minP()) {
                break;
            }
            kept.put(order[rank], mine);
            before += mine;
        }
        return kept;
    }

    @Test
    void equalsAPlainImplementationThatSorts() {
        for (int seed = 0; seed < 400; seed++) {
            var random = new Random(seed);
            int vocab = 1 + random.nextInt(3000);
            float[] logits = randomLogits(random, vocab, 1 + 4 * random.nextFloat());
            if (seed % 3 == 0) {
                for (int i = 0; i < vocab; i++) {
                    logits[i] = Math.round(logits[i]); // many ties
                }
            }
            SamplingParams p = params().temperature(0.2f + 2 * random.nextFloat())
                    .topK(random.nextBoolean() ? -1 : 1 + random.nextInt(2 * vocab))
                    .topP(random.nextBoolean() ? 1 : 0.05f + 0.9f * random.nextFloat())
                    .minP(random.nextBoolean() ? 0 : random.nextFloat() * 0.3f)
                    .choice(random.nextInt(4))
                    .build();
            TreeMap<Integer, Double> kept = kept(logits, p);
            double all = kept.values().stream().mapToDouble(v -> v).sum();
            double until = Philox.uniform(seed, p.choice(), 3) * all;
            int want = kept.lastKey();
            double sum = 0;
            for (var e : kept.entrySet()) {
                sum += e.getValue();
                if (sum > until) {
                    want = e.getKey();
                    break;
                }
            }
            int expected = p.isGreedy() ? kept.firstKey() : want;
            assertThat(token(logits, row(p, seed, 3)))
                    .as("seed %s, %s", seed, p)
                    .isEqualTo(expected);
        }
    }

    @Test
    void drawsFollowTheDistribution() {
        float[] logits = randomLogits(new Random(11), 12, 1);
        for (SamplingParams p : List.of(
                params().build(),
                params().temperature(0.7f).build(),
                params().topK(5).build(),
                params().topP(0.8f).build(),
                params().minP(0.2f).temperature(1.5f).build())) {
            TreeMap<Integer, Double> kept = kept(logits, p);
            double all = kept.values().stream().mapToDouble(v -> v).sum();
            int draws = 20_000;
            var seen = new int[12];
            HostSampler sampler = sampler(12);
            for (int i = 0; i < draws; i++) {
                seen[sample(sampler, logits, row(p, 5, i)).tokens()[0]]++;
            }
            double chiSquare = 0;
            for (int id = 0; id < 12; id++) {
                double each = kept.getOrDefault(id, 0.0) / all * draws;
                if (each == 0) {
                    assertThat(seen[id]).as("id %s of %s", id, p).isZero();
                } else {
                    chiSquare += (seen[id] - each) * (seen[id] - each) / each;
                }
            }
            // at most 11 degrees of freedom: passed by chance in one of ten thousand seeds, and this one is fixed
            assertThat(chiSquare).as("%s", p).isLessThan(37);
        }
    }

    @Test
    void aRowGivesTheSameInEveryCompany() {
        var random = new Random(2);
        int vocab = 700;
        var logits = new float[6][];
        var rows = new ArrayList<SamplingBatch.Row>();
        for (int i = 0; i < 6; i++) {
            logits[i] = randomLogits(random, vocab, 2);
            SamplingParams p =
                    params().temperature(i).topP(0.9f).logprobs(i - 1).build();
            rows.add(new SamplingBatch.Row(i, p, 100 + i, 3 * i, Tokens.empty(), null, null, 0));
        }
        HostSampler together = sampler(vocab);
        together.sample(tensor(logits), new SamplingBatch(1, rows));
        for (int i = 0; i < 6; i++) {
            StepResult alone = sample(sampler(vocab), logits[i], rows.get(i));
            assertThat(together.result().tokens()[i]).isEqualTo(alone.tokens()[0]);
            assertThat(words(together.result().logprobs().get(i)))
                    .isEqualTo(words(alone.logprobs().getFirst()));
        }
    }

    private static String words(TokenLogprobs l) {
        return l == null ? "none" : l.chosen() + " " + l.topIds() + " " + Arrays.toString(l.topLogprobs());
    }

    @Test
    void logprobsAreThoseOfTheRawLogitsWithTiesByTheLowerId() {
        float[] logits = {1, 3, 0, 3, -2};
        SamplingParams p =
                params().temperature(0).logitBias(Map.of(2, 50f)).logprobs(3).build();
        TokenLogprobs l = sample(sampler(5), logits, row(p, 1, 1)).logprobs().getFirst();
        double all = 0;
        for (float v : logits) {
            all += Math.exp(v);
        }
        assertThat(l.chosen()).isCloseTo((float) -Math.log(all), within(1e-6f));
        assertThat(l.topIds()).isEqualTo(Tokens.of(1, 3, 0));
        assertThat(l.topLogprobs()[1]).isCloseTo((float) (3 - Math.log(all)), within(1e-6f));
        assertThat(l.topLogprobs()[2]).isCloseTo((float) (1 - Math.log(all)), within(1e-6f));
    }

    @Test
    void alternativesAreTheLikeliestOfAnyRow() {
        for (int seed = 0; seed < 50; seed++) {
            var random = new Random(seed);
            float[] logits = randomLogits(random, 1 + random.nextInt(400), 1);
            int wanted = random.nextInt(129);
            SamplingParams p = params().temperature(0).logprobs(wanted).build();
            TokenLogprobs l = sample(sampler(logits.length), logits, row(p, 1, 1))
                    .logprobs()
                    .getFirst();
            int[] order = java.util.stream.IntStream.range(0, logits.length)
                    .boxed()
                    .sorted((a, b) -> Float.compare(logits[b], logits[a]))
                    .limit(wanted)
                    .mapToInt(i -> i)
                    .toArray();
            assertThat(l.topIds()).as("seed %s", seed).isEqualTo(Tokens.of(order));
        }
    }
}
