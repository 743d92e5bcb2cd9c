package espalier.step;

import espalier.api.SamplingParams;
import espalier.base.Tokens;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How to choose a token for each sampling chunk of a plan, in plan order. */
public record SamplingBatch(long number, List<Row> rows) {

    public SamplingBatch {
        rows = List.copyOf(rows);
    }

    /**
     * One row.
     *
     * @param seat its row in the device-side tables
     * @param seed resolved: never null, also where the request gave none
     * @param position of the token to be chosen in the sequence (prompt included), which with seed and choice decides
     *     the draw
     * @param barred ids that may not be chosen here (stop ids before {@code minNewTokens})
     * @param mask bit {@code i} of word {@code i / 64} allows id {@code i}; null allows all
     * @param history every token before {@code position}, given only for the first choice after the seat was opened
     *     and only where penalties need it; later choices are counted by the sampler itself
     * @param historyOutputFrom where in {@code history} the generated tokens begin
     */
    public record Row(
            int seat,
            SamplingParams params,
            long seed,
            int position,
            Tokens barred,
            long @Nullable [] mask,
            @Nullable Tokens history,
            int historyOutputFrom) {

        /** The same with other ids allowed. */
        public Row withMask(long[] other) {
            return new Row(seat, params, seed, position, barred, other, history, historyOutputFrom);
        }
    }
}
