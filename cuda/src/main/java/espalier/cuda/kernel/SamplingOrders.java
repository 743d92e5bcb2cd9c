package espalier.cuda.kernel;

import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.tensor.host.Philox;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Objects;

/** A step's rows as {@code sample.cuh} reads them: one {@code Row} each, then the lists that rows point into. */
final class SamplingOrders {
    private static final int ROW_BYTES = 88;
    private static final int ROW_WORDS = ROW_BYTES / 4;
    private static final int GREEDY = 1;
    private static final int PENALTIES = 2;
    private static final int CUT = 4;
    private static final int DRAWN_BITS = 53;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final SamplingBatch how;
    private final int vocab;
    private final long words;
    private final int alternatives;
    private final boolean weighs;
    private final boolean hasHistory;

    SamplingOrders(SamplingBatch how, int seats, int vocab) {
        this.how = how;
        this.vocab = vocab;
        long all = (long) ROW_WORDS * how.rows().size();
        int most = 0;
        boolean anyWeighs = false;
        boolean anyHistory = false;
        for (SamplingBatch.Row row : how.rows()) {
            Objects.checkIndex(row.seat(), seats);
            SamplingParams p = row.params();
            all += row.barred().size() + 2L * p.logitBias().size();
            long[] mask = row.mask();
            all += mask == null ? 0 : 2L * mask.length;
            Tokens history = row.history();
            all += history == null ? 0 : history.size();
            most = Math.max(most, p.logprobs());
            anyWeighs |= !p.isGreedy() || p.logprobs() >= 0;
            anyHistory |= history != null && p.hasPenalties();
        }
        this.words = all;
        this.alternatives = most;
        this.weighs = anyWeighs;
        this.hasHistory = anyHistory;
    }

    long bytes() {
        return 4 * words;
    }

    /** Most alternatives that a row reports. */
    int alternatives() {
        return alternatives;
    }

    /** Whether a row draws or reports log-probabilities. */
    boolean weighs() {
        return weighs;
    }

    /** Whether the counts of a seat begin anew. */
    boolean hasHistory() {
        return hasHistory;
    }

    void write(MemorySegment to) {
        int free = ROW_WORDS * how.rows().size();
        for (int i = 0; i < how.rows().size(); i++) {
            free = row(to.asSlice((long) i * ROW_BYTES, ROW_BYTES), how.rows().get(i), to, free);
        }
    }

    private int row(MemorySegment r, SamplingBatch.Row row, MemorySegment to, int from) {
        SamplingParams p = row.params();
        boolean cutsK = p.topK() > 0 && p.topK() < vocab;
        boolean cutsP = p.topP() < 1;
        int flags = p.isGreedy() ? GREEDY : 0;
        flags |= p.hasPenalties() ? PENALTIES : 0;
        flags |= !p.isGreedy() && (cutsK || cutsP) ? CUT : 0;
        r.set(LONG, 0, Philox.bits(row.seed(), p.choice(), row.position()) & -1L << (Long.SIZE - DRAWN_BITS));
        r.set(LONG, 8, cutsP ? (long) (p.topP() * 0x1p63) << 1 : -1L);
        r.set(INT, 16, row.seat());
        r.set(INT, 20, flags);
        r.set(INT, 24, cutsK ? p.topK() : vocab);
        r.set(INT, 28, p.logprobs());
        float[] numbers = {p.temperature(), p.minP(), p.presencePenalty(), p.frequencyPenalty(), p.repetitionPenalty()};
        for (int i = 0; i < numbers.length; i++) {
            r.set(FLOAT, 32 + 4L * i, numbers[i]);
        }
        return lists(r, row, to, from);
    }

    private static int lists(MemorySegment r, SamplingBatch.Row row, MemorySegment to, int from) {
        int free = from;
        r.set(INT, 52, free);
        r.set(INT, 56, row.barred().size());
        free = tokens(row.barred(), to, free);
        r.set(INT, 60, free);
        r.set(INT, 64, row.params().logitBias().size());
        for (Map.Entry<Integer, Float> bias : row.params().logitBias().entrySet()) {
            to.setAtIndex(INT, free++, bias.getKey());
            to.setAtIndex(FLOAT, free++, bias.getValue());
        }
        long[] mask = row.mask();
        r.set(INT, 68, mask == null ? -1 : free);
        r.set(INT, 72, mask == null ? 0 : 2 * mask.length);
        if (mask != null) {
            MemorySegment.copy(mask, 0, to, LONG, 4L * free, mask.length);
            free += 2 * mask.length;
        }
        Tokens history = row.params().hasPenalties() ? row.history() : null;
        r.set(INT, 76, history == null ? -1 : free);
        r.set(INT, 80, history == null ? 0 : history.size());
        r.set(INT, 84, row.historyOutputFrom());
        return history == null ? free : tokens(history, to, free);
    }

    private static int tokens(Tokens ids, MemorySegment to, int from) {
        for (int i = 0; i < ids.size(); i++) {
            to.setAtIndex(INT, from + i, ids.get(i));
        }
        return from + ids.size();
    }
}
