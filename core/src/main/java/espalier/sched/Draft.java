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

    final List<Chunk> chunks = new ArrayList<>();

    /** Whose last position yields a token, in the order of the chunks. */
    final List<Sequence> choosing = new ArrayList<>();

    /** How to choose for them, as things stand now: one may lose its seat before its row is read. Without masks. */
    final List<SamplingBatch.Row> rows = new ArrayList<>();

    /** Those whose prompt is under way, in this plan or before it. */
    final List<Sequence> computing = new ArrayList<>();

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
        promptBudget -= count;
        promptTokens += count;
        add(s, new Input.Prompt(Tokens.copyOf(s.tokens, s.planned, s.planned + count)), space);
    }

    /** Plans the position after the last planned one, whose token was or will be sampled. */
    void decode(Sequence s, KvSpace space) {
        decodes++;
        add(s, LAST_SAMPLED, space);
    }

    private void add(Sequence s, Input input, KvSpace space) {
        int start = s.planned;
        int known = s.opens ? 0 : s.pages;
        space.grow(s, start + input.count());
        s.planned += input.count();
        boolean samples = !s.isPrefilling();
        Tokens pages = newPages.copyOf(s.pageOf, known, s.pages);
        chunks.add(new Chunk(s.id(), s.seat, s.opens, start, input, pages, samples));
        s.opens = false;
        if (samples) {
            choosing.add(s);
            rows.add(row(s));
            s.countsAfresh = false;
            s.sampled++;
            s.inFlight++;
        }
    }

    private static SamplingBatch.Row row(Sequence s) {
        SamplingParams params = s.origin.request().sampling();
        // The first choice in a seat follows a prompt, all of which is known.
        boolean counts = s.countsAfresh && params.hasPenalties();
        return new SamplingBatch.Row(
                s.seat,
                params,
                s.origin.seed(),
                s.planned,
                s.sampled < params.minNewTokens() ? s.origin.stopIds() : Tokens.empty(),
                null,
                counts ? Tokens.copyOf(s.tokens, 0, s.planned) : null,
                s.promptTokens());
    }
}
