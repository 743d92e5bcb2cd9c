package espalier.cuda.kernel;

import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.tensor.host.Philox;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A step's rows as {@code sample.cuh} reads them: one {@code Row} each, then the lists that rows point into. */
final class SamplingOrders {
    static final int ROW_BYTES = 88;

    private static final int ROW_WORDS = ROW_BYTES / 4;
    private static final int GREEDY = 1;
    private static final int PENALTIES = 2;
    private static final int CUT = 4;
    private static final int DRAWN_BITS = 53;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final List<SamplingBatch.Row> rows;
    private final int vocab;
    private final long bytes;
    private final boolean weighs;
    private final boolean hasHistory;

    SamplingOrders(List<SamplingBatch.Row> rows, int seats, int vocab) {
        this.rows = rows;
        this.vocab = vocab;
        long all = 0;
        boolean anyWeighs = false;
        boolean anyHistory = false;
        for (SamplingBatch.Row row : rows) {
            Objects.checkIndex(row.seat(), seats);
            SamplingParams p = row.params();
            all += bytes(row);
            anyWeighs |= !p.isGreedy() || p.logprobs() >= 0;
            anyHistory |= row.history() != null && p.hasPenalties();
        }
        this.bytes = all;
        this.weighs = anyWeighs;
        this.hasHistory = anyHistory;
    }

    /** What the orders of one row take, its lists included. */
    static long bytes(SamplingBatch.Row row) {
        long[] mask = row.mask();
        Tokens history = row.history();
        long words = row.barred().size() + 2L * row.params().logitBias().size();
        words += mask == null ? 0 : 2L * mask.length;
        words += history == null ? 0 : history.size();
        return ROW_BYTES + 4 * words;
    }

    int rows() {
        return rows.size();
    }

    long bytes() {
        return bytes;
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
        int free = ROW_WORDS * rows.size();
        for (int i = 0; i < rows.size(); i++) {
            free = row(rows.get(i), to, (long) i * ROW_BYTES, free);
        }
    }

    /** At byte {@code at}; its lists go from word {@code from} on. Returns the first word behind them. */
    private int row(SamplingBatch.Row row, MemorySegment to, long at, int from) {
        SamplingParams p = row.params();
        boolean cutsK = p.topK() > 0 && p.topK() < vocab;
        boolean cutsP = p.topP() < 1;
        int flags = p.isGreedy() ? GREEDY : 0;
        flags |= p.hasPenalties() ? PENALTIES : 0;
        flags |= !p.isGreedy() && (cutsK || cutsP) ? CUT : 0;
        to.set(LONG, at, p.isGreedy() ? 0 : drawn(row));
        to.set(LONG, at + 8, cutsP ? (long) (p.topP() * 0x1p63) << 1 : -1L);
        to.set(INT, at + 16, row.seat());
        to.set(INT, at + 20, flags);
        to.set(INT, at + 24, cutsK ? p.topK() : vocab);
        to.set(INT, at + 28, p.logprobs());
        to.set(FLOAT, at + 32, p.temperature());
        to.set(FLOAT, at + 36, p.minP());
        to.set(FLOAT, at + 40, p.presencePenalty());
        to.set(FLOAT, at + 44, p.frequencyPenalty());
        to.set(FLOAT, at + 48, p.repetitionPenalty());
        return lists(row, to, at, from);
    }

    private static long drawn(SamplingBatch.Row row) {
        long bits = Philox.bits(row.seed(), row.params().choice(), row.position());
        return bits & -1L << (Long.SIZE - DRAWN_BITS);
    }

    private static int lists(SamplingBatch.Row row, MemorySegment to, long at, int from) {
        int free = from;
        to.set(INT, at + 52, free);
        to.set(INT, at + 56, row.barred().size());
        free = tokens(row.barred(), to, free);
        to.set(INT, at + 60, free);
        to.set(INT, at + 64, row.params().logitBias().size());
        if (!row.params().logitBias().isEmpty()) { // an iterator a row is much where there is nothing to go through
            free = biases(row.params().logitBias(), to, free);
        }
        long[] mask = row.mask();
        to.set(INT, at + 68, mask == null ? -1 : free);
        to.set(INT, at + 72, mask == null ? 0 : 2 * mask.length);
        if (mask != null) {
            MemorySegment.copy(mask, 0, to, LONG, 4L * free, mask.length);
            free += 2 * mask.length;
        }
        Tokens history = row.params().hasPenalties() ? row.history() : null;
        to.set(INT, at + 76, history == null ? -1 : free);
        to.set(INT, at + 80, history == null ? 0 : history.size());
        to.set(INT, at + 84, row.historyOutputFrom());
        return history == null ? free : tokens(history, to, free);
    }

    private static int biases(Map<Integer, Float> biases, MemorySegment to, int from) {
        int free = from;
        for (Map.Entry<Integer, Float> bias : biases.entrySet()) {
            to.setAtIndex(INT, free++, bias.getKey());
            to.setAtIndex(FLOAT, free++, bias.getValue());
        }
        return free;
    }

    private static int tokens(Tokens ids, MemorySegment to, int from) {
        for (int i = 0; i < ids.size(); i++) {
            to.setAtIndex(INT, from + i, ids.get(i));
        }
        return from + ids.size();
    }
}
