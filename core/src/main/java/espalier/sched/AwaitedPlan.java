package espalier.sched;

import espalier.step.SamplingBatch;
import espalier.step.TokenRules;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A plan whose tokens are not known yet. */
final class AwaitedPlan {
    private final long number;

    /** Who gets them, in the order of the plan. */
    private final Sequence[] choosing;

    /** How each is chosen, but for masks: they depend on tokens to come. */
    private final SamplingBatch unmasked;

    AwaitedPlan(long number, Draft draft) {
        this.number = number;
        choosing = draft.choosing.toArray(Sequence[]::new);
        unmasked = new SamplingBatch(number, draft.rows);
    }

    long number() {
        return number;
    }

    /** How many choose. */
    int size() {
        return choosing.length;
    }

    Sequence choosing(int row) {
        return choosing[row];
    }

    boolean isConstrained() {
        for (Sequence s : choosing) {
            if (rules(s) != null) {
                return true;
            }
        }
        return false;
    }

    /** With masks as they are now. */
    SamplingBatch sampling() {
        return isConstrained() ? new SamplingBatch(number, masked()) : unmasked;
    }

    private List<SamplingBatch.Row> masked() {
        var masked = new ArrayList<>(unmasked.rows());
        for (int i = 0; i < choosing.length; i++) {
            TokenRules rules = rules(choosing[i]);
            if (rules != null) {
                try {
                    masked.set(i, masked.get(i).withMask(rules.mask()));
                } catch (OutOfMemoryError none) { // it is launched already: whatever is chosen for it is not its token
                    choosing[i].lost = true;
                }
            }
        }
        return masked;
    }

    private static @Nullable TokenRules rules(Sequence s) {
        return s.ended ? null : s.origin.rules();
    }
}
