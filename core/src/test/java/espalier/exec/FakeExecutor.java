package espalier.exec;

import espalier.api.TokenLogprobs;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import espalier.step.StepResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A device without arithmetic that forgives nothing. A slot of its cache holds a digest of every token up to its
 * position, computed from the slots that the row's page table names; a token is chosen by the digest of all slots
 * before it. So a wrong page, a stale slot, a forgotten token or a wrong position changes every token that follows, and
 * {@link FakeModel}, which has no cache, tells what they should have been.
 *
 * <p>It also refuses plans and calls that break the contracts of {@link StepPlan} and {@link Executor}.
 */
public final class FakeExecutor implements Executor {
    private final int depth;
    private final int pageSize;
    private final int vocab;
    private final long[] slots;
    private final long[] writtenIn;
    private final int[] writtenBy;
    private final int[][] tables;
    private final int[] tableSize;
    private final int[] contexts;
    private final int[] last;
    private final FakeModel.Counts[] counts;
    private long launched;
    private int flights;
    private boolean unsampled;
    private boolean closed;

    public FakeExecutor(int pages, int pageSize, int seats, int vocab, int depth) {
        this.depth = depth;
        this.pageSize = pageSize;
        this.vocab = vocab;
        this.slots = new long[pages * pageSize];
        this.writtenIn = new long[slots.length];
        this.writtenBy = new int[slots.length];
        this.tables = new int[seats][16];
        this.tableSize = new int[seats];
        this.contexts = new int[seats];
        this.last = new int[seats];
        this.counts = new FakeModel.Counts[seats];
        Arrays.fill(writtenIn, -1);
    }

    @Override
    public int depth() {
        return depth;
    }

    public boolean isClosed() {
        return closed;
    }

    @Override
    public void close() {
        closed = true;
    }

    @Override
    public Flight launch(StepPlan plan) {
        check(!closed, "launched after close");
        check(!plan.isEmpty(), "an empty plan");
        check(plan.number() == launched++, "plan " + plan.number() + " out of order");
        check(!unsampled, "launched before the step before was sampled");
        check(++flights <= depth + 1, "more than " + depth + " steps ahead");
        unsampled = true;
        var digests = new ArrayList<Long>();
        var seats = new ArrayList<Integer>();
        for (Chunk chunk : plan.chunks()) {
            check(!seats.contains(chunk.seat()), "two chunks in seat " + chunk.seat());
            seats.add(chunk.seat());
            long digest = compute(plan.number(), chunk);
            if (chunk.samples()) {
                digests.add(digest);
            }
        }
        var sampling =
                plan.chunks().stream().filter(Chunk::samples).map(Chunk::seat).toList();
        return new FakeFlight(plan.number(), sampling, digests);
    }

    private long compute(long step, Chunk chunk) {
        int seat = chunk.seat();
        if (chunk.opens()) {
            tableSize[seat] = 0;
            contexts[seat] = chunk.start();
        }
        check(
                chunk.start() == contexts[seat],
                "seat " + seat + " goes on at " + chunk.start() + ", not " + contexts[seat]);
        check(chunk.input().count() > 0, "an empty chunk");
        for (int i = 0; i < chunk.newPages().size(); i++) {
            append(seat, chunk.newPages().get(i));
        }
        int end = chunk.start() + chunk.input().count();
        check(tableSize[seat] == (end + pageSize - 1) / pageSize, "seat " + seat + " has the wrong number of pages");
        long sum = 0;
        for (int p = 0; p < chunk.start(); p++) {
            int slot = slot(seat, p);
            check(
                    writtenIn[slot] != step,
                    "position " + p + " of seat " + seat + " is written by the step that reads it");
            sum = FakeModel.sum(sum, slots[slot]);
        }
        long digest = 0;
        for (int p = chunk.start(); p < end; p++) {
            int token = switch (chunk.input()) {
                case Input.Prompt prompt -> prompt.ids().get(p - chunk.start());
                case Input.LastSampled() -> last[seat];
            };
            int slot = slot(seat, p);
            check(
                    writtenIn[slot] != step,
                    "slot " + slot + " is written twice, by seats " + writtenBy[slot] + " and " + seat);
            writtenIn[slot] = step;
            writtenBy[slot] = seat;
            digest = FakeModel.digest(sum, token);
            slots[slot] = digest;
            sum = FakeModel.sum(sum, digest);
        }
        contexts[seat] = end;
        return digest;
    }

    private void append(int seat, int page) {
        if (tableSize[seat] == tables[seat].length) {
            tables[seat] = Arrays.copyOf(tables[seat], tableSize[seat] * 2);
        }
        tables[seat][tableSize[seat]++] = page;
    }

    private int slot(int seat, int position) {
        return tables[seat][position / pageSize] * pageSize + position % pageSize;
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    private final class FakeFlight implements Flight {
        private final long number;
        private final List<Integer> seats;
        private final List<Long> digests;
        private int @Nullable [] tokens;
        private final List<@Nullable TokenLogprobs> logprobs = new ArrayList<>();

        FakeFlight(long number, List<Integer> seats, List<Long> digests) {
            this.number = number;
            this.seats = seats;
            this.digests = digests;
        }

        @Override
        public void sample(SamplingBatch how) {
            check(how.number() == number && launched == number + 1, "sampled out of order");
            check(tokens == null, "sampled twice");
            check(how.rows().size() == seats.size(), "rows for " + how.rows().size() + " of " + seats.size());
            tokens = new int[seats.size()];
            for (int i = 0; i < tokens.length; i++) {
                SamplingBatch.Row row = how.rows().get(i);
                int seat = seats.get(i);
                check(row.seat() == seat, "row " + i + " is for seat " + row.seat() + ", not " + seat);
                check(row.position() == contexts[seat], "row " + i + " is for position " + row.position());
                if (row.history() != null) {
                    check(
                            row.history().size() == row.position(),
                            "a history of " + row.history().size());
                    counts[seat] = FakeModel.Counts.of(row.history(), row.historyOutputFrom());
                }
                FakeModel.Counts seen = row.params().hasPenalties() ? counts[seat] : null;
                long chosenBy = FakeModel.chosenBy(digests.get(i), row.params(), row.seed(), row.position(), seen);
                tokens[i] = FakeModel.choose(chosenBy, vocab, row.barred(), row.mask());
                last[seat] = tokens[i];
                if (seen != null) {
                    seen.add(tokens[i]);
                }
                logprobs.add(
                        row.params().logprobs() < 0
                                ? null
                                : new TokenLogprobs(FakeModel.logprob(chosenBy), Tokens.empty(), new float[0]));
            }
            unsampled = false;
        }

        @Override
        public StepResult await() {
            flights--;
            check(tokens != null, "awaited before it was sampled");
            return new StepResult(number, java.util.Objects.requireNonNull(tokens), logprobs);
        }
    }
}
