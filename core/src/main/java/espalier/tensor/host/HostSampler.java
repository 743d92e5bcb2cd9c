package espalier.tensor.host;

import espalier.api.TokenLogprobs;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.step.StepResult;
import espalier.tensor.DType;
import espalier.tensor.OpShapes;
import espalier.tensor.Sampler;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Chooses tokens in host memory; the rows of a step are the parts of one job.
 *
 * <p>What happens to a row, in SGLang's order: presence and frequency penalties are subtracted, the repetition penalty
 * scales; barred ids and those outside the mask are excluded; logit bias is added. Greedy takes the greatest logit, the
 * lowest id among equals. Otherwise logits are divided by the temperature and turned into probabilities, and a token
 * stays if fewer than {@code topK} are likelier, those likelier have at most {@code topP} together (of the full
 * distribution, not of what top-k left), and it has at least {@code minP} times the probability of the likeliest; equal
 * probabilities count as likelier by the lower id. What stays is renormalised, and one number of {@link Philox}, a
 * function of seed, choice and position alone, is inverted over the cumulative sum in id order.
 *
 * <p>Log-probabilities are those of the raw logits, before any of this.
 *
 * <p>Between {@code history}s the sampler counts each seat's choices itself. All work of a row is done by one lane in
 * id order, so the same row gives the same token whatever else is in the batch.
 */
public final class HostSampler implements Sampler {
    private static final Tokens NO_HISTORY = Tokens.empty();

    private final int seats;
    private final int vocab;
    private final Parts parts;
    private final Tensor lastTokens;
    private final @Nullable TokenCounts[] counts;
    private final RowSampler[] lanes;
    private @Nullable StepResult newest;

    /**
     * A sampler for sequences in seats {@code 0 .. seats - 1}.
     *
     * @param lastTokens at least {@code 4 * seats} bytes, which the caller owns
     */
    public HostSampler(HostBuffer lastTokens, int seats, int vocab, Parts parts) {
        this(lastTokens, seats, vocab, parts, float[]::new);
    }

    /** @param floats where log-probabilities come from */
    HostSampler(HostBuffer lastTokens, int seats, int vocab, Parts parts, IntFunction<float[]> floats) {
        this.seats = seats;
        this.vocab = vocab;
        this.parts = parts;
        this.lastTokens = new Tensor(lastTokens, 0, DType.I32, 1, seats, seats);
        counts = new @Nullable TokenCounts[seats];
        lanes = new RowSampler[parts.lanes()];
        Arrays.setAll(lanes, i -> new RowSampler(vocab, new Alternatives(floats)));
    }

    @Override
    public Tensor lastTokens() {
        return lastTokens;
    }

    @Override
    public void sample(Tensor logits, SamplingBatch how) {
        int rows = how.rows().size();
        OpShapes.logits(logits, rows, vocab);
        var tokens = new int[rows];
        var logprobs = new ArrayList<@Nullable TokenLogprobs>(rows);
        for (SamplingBatch.Row row : how.rows()) {
            java.util.Objects.checkIndex(row.seat(), seats);
            logprobs.add(null);
        }
        parts.run(rows, (i, lane) -> {
            SamplingBatch.Row row = how.rows().get(i);
            RowSampler sampler = lanes[lane];
            long at = Cells.at(logits, i, 0);
            MemorySegment memory = HostBuffer.memory(logits.buffer());
            MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT_UNALIGNED, at, sampler.row(), 0, vocab);
            int wanted = row.params().logprobs();
            if (wanted >= 0) {
                sampler.alternatives().read(sampler.row(), wanted);
            }
            int token = choose(sampler, row);
            tokens[i] = token;
            if (wanted >= 0 && token >= 0) {
                float logit = memory.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at + 4L * token);
                try {
                    logprobs.set(i, sampler.alternatives().of(logit));
                } catch (
                        OutOfMemoryError
                                none) { // the row's alone; other ranks, which choose alike, go on with the token
                    tokens[i] = StepResult.NO_MEMORY;
                }
            }
            Cells.setInteger(lastTokens, 0, row.seat(), Math.max(token, 0));
        });
        newest = new StepResult(how.number(), tokens, logprobs);
    }

    private int choose(RowSampler sampler, SamplingBatch.Row row) {
        TokenCounts seat = row.params().hasPenalties() ? countsOf(row) : null;
        int token = sampler.choose(row, seat);
        if (seat != null && token >= 0) {
            seat.addGenerated(token);
        }
        return token;
    }

    private TokenCounts countsOf(SamplingBatch.Row row) {
        TokenCounts seat = counts[row.seat()];
        Tokens history = row.history();
        if (seat == null) {
            seat = new TokenCounts();
            counts[row.seat()] = seat;
            seat.restart(history == null ? NO_HISTORY : history, row.historyOutputFrom());
        } else if (history != null) {
            seat.restart(history, row.historyOutputFrom());
        }
        return seat;
    }

    @Override
    public StepResult result() {
        StepResult result = newest;
        if (result == null) {
            throw new IllegalStateException("nothing has been sampled yet");
        }
        return result;
    }
}
