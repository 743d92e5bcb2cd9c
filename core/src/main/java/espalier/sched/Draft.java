package espalier.sched;

import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import espalier.step.TokenRules;
import java.util.ArrayList;
import java.util.List;

/** A plan while it is made, and what there is to tell about it. */
final class Draft {
    private static final Input LAST_SAMPLED = new Input.LastSampled();

    /** One row to be sampled, as things stood when it was planned: its sequence may lose its seat before the row is read. */
    record Choice(Sequence sequence, int seat, int position, int index, boolean countsAfresh) {

        /** How to choose; valid once every token before {@code position} is known where the sequence has rules. */
        SamplingBatch.Row row() {
            SamplingParams params = sequence.origin.request().sampling();
            TokenRules rules = sequence.origin.rules();
            boolean counts = countsAfresh && params.hasPenalties();
            return new SamplingBatch.Row(
                    seat,
                    params,
                    sequence.origin.seed(),
                    position,
                    index < params.minNewTokens() ? sequence.origin.stopIds() : Tokens.empty(),
                    rules == null || sequence.ended ? null : rules.mask(),
                    counts ? Tokens.copyOf(sequence.tokens, 0, position) : null,
                    sequence.promptTokens());
        }
    }

    final List<Chunk> chunks = new ArrayList<>();
    final List<Choice> choices = new ArrayList<>();

    /** Those whose prompt is under way, in this plan or before it. */
    final List<Sequence> computing = new ArrayList<>();

    int promptBudget;
    int promptTokens;
    int decodes;
    int admitted;
    int cachedTokens;
    StepFacts.Retraction retraction = StepFacts.Retraction.NONE;

    Draft(int promptBudget) {
        this.promptBudget = promptBudget;
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
        chunks.add(new Chunk(s.id(), s.seat, s.opens, start, input, Tokens.copyOf(s.pageOf, known, s.pages), samples));
        s.opens = false;
        if (samples) {
            choices.add(new Choice(s, s.seat, s.planned, s.sampled, s.countsAfresh));
            s.countsAfresh = false;
            s.sampled++;
            s.inFlight++;
        }
    }
}
