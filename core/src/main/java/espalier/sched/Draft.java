package espalier.sched;

import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import java.util.ArrayList;
import java.util.List;

/** A plan while it is made, and what there is to tell about it. One serves all plans: its lists keep their memory. */
final class Draft {
    private static final Input LAST_SAMPLED = new Input.LastSampled();

    final ArrayList<Chunk> chunks = new ArrayList<>();

    /** Whose last position yields a token, in the order of the chunks. */
    final ArrayList<Sequence> choosing = new ArrayList<>();

    /** How to choose for them, as things stand now: one may lose its seat before its row is read. Without masks. */
    final ArrayList<SamplingBatch.Row> rows = new ArrayList<>();

    /** Those whose prompt is under way, in this plan or before it. */
    final List<Sequence> computing = new ArrayList<>();

    /** Those for whose part there was no memory: they have none in this plan, and will have none in any other. */
    final List<Lost> lost = new ArrayList<>();

    /** Why. */
    record Lost(Sequence sequence, OutOfMemoryError cause) {}

    private Tokens.Runs newPages = new Tokens.Runs(0);
    int promptBudget;
    int promptTokens;
    int decodes;
    int admitted;
    int cachedTokens;
    StepFacts.Retraction retraction = StepFacts.Retraction.NONE;

    /** @param most sequences that the plan may have */
    void begin(int budget, int most) {
        chunks.clear();
        choosing.clear();
        rows.clear();
        computing.clear();
        lost.clear();
        chunks.ensureCapacity(most);
        choosing.ensureCapacity(most);
        rows.ensureCapacity(most);
        newPages = new Tokens.Runs(most);
        promptBudget = budget;
        promptTokens = 0;
        decodes = 0;
        admitted = 0;
        cachedTokens = 0;
        retraction = StepFacts.Retraction.NONE;
    }

    boolean isEmpty() {
        return chunks.isEmpty();
    }

    /** Plans the next {@code count} prompt positions of {@code s}. */
    void prefill(Sequence s, int count, KvSpace space) {
        try {
            add(s, new Input.Prompt(Tokens.copyOf(s.tokens, s.planned, s.planned + count)), space);
            promptBudget -= count;
            promptTokens += count;
        } catch (OutOfMemoryError none) {
            lost.add(new Lost(s, none));
        }
    }

    /** Plans the position after the last planned one, whose token was or will be sampled. */
    void decode(Sequence s, KvSpace space) {
        try {
            add(s, LAST_SAMPLED, space);
            decodes++;
        } catch (OutOfMemoryError none) {
            lost.add(new Lost(s, none));
        }
    }

    /** Where memory ends the sequence has perhaps more pages, and the plan is as it was. */
    private void add(Sequence s, Input input, KvSpace space) {
        int start = s.planned;
        int end = start + input.count();
        int known = s.opens ? 0 : s.pages;
        space.grow(s, end);
        boolean samples = end >= s.prefillEnd;
        Tokens pages = newPages.copyOf(s.pageOf, known, s.pages);
        var chunk = new Chunk(s.id(), s.seat, s.opens, start, input, pages, samples);
        SamplingBatch.Row row = samples ? row(s, end) : null;
        chunks.add(chunk);
        s.planned = end;
        s.opens = false;
        if (row != null) {
            choosing.add(s);
            rows.add(row);
            s.countsAfresh = false;
            s.sampled++;
            s.inFlight++;
        }
    }

    /** What there is to tell about it. */
    StepFacts facts(long step, Roster roster, WaitingQueue waiting, KvSpace space, Limits limits) {
        long pending = waiting.promptTokens();
        for (Sequence s : computing) {
            pending += s.prefillEnd - s.planned;
        }
        return new StepFacts(
                step,
                admitted,
                promptTokens,
                cachedTokens,
                decodes,
                roster.running().size(),
                waiting.size(),
                space.usedTokens(),
                limits.maxTotalTokens(),
                pending,
                retraction);
    }

    /** @param end positions that are planned with this choice */
    private static SamplingBatch.Row row(Sequence s, int end) {
        SamplingParams params = s.origin.request().sampling();
        // The first choice in a seat follows a prompt, all of which is known.
        boolean counts = s.countsAfresh && params.hasPenalties();
        return new SamplingBatch.Row(
                s.seat,
                params,
                s.origin.seed(),
                end,
                s.sampled < params.minNewTokens() ? s.origin.stopIds() : Tokens.empty(),
                null,
                counts ? Tokens.copyOf(s.tokens, 0, end) : null,
                s.promptTokens());
    }
}
