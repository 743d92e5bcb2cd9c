package espalier.sched;

import espalier.api.Emission;
import espalier.api.Emission.FinishReason;
import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import org.jspecify.annotations.Nullable;

/** What the owners of requests hear at their end, and how many ended how. */
final class Ends {
    private long finished;
    private long aborted;

    long finished() {
        return finished;
    }

    long aborted() {
        return aborted;
    }

    Emission.Done done(Sequence s, FinishReason reason, @Nullable Integer stop) {
        switch (reason) {
            case STOP, LENGTH -> finished++;
            case ABORT -> aborted++;
        }
        return new Emission.Done(s.id(), reason, stop, s.promptTokens(), Math.max(0, s.cachedTokens), s.generated());
    }

    /** The others of the batch go on: a grammar without a way out, or a NaN, is one request's misfortune. */
    Emission.Failed nothingToChoose(Sequence s) {
        aborted++;
        String why = "no token could be chosen after " + s.generated()
                + ": every id was forbidden, or the model's logits are not numbers";
        return new Emission.Failed(s.id(), new EngineFault(EngineFault.Code.DEVICE, why));
    }

    /** The others go on here, too: what it held is free again. */
    Emission.Failed noMemory(Sequence s, String doing, OutOfMemoryError cause) {
        aborted++;
        return new Emission.Failed(s.id(), EngineFault.outOfMemory(doing, cause));
    }

    static Emission.Failed overloaded(long id, String message) {
        return new Emission.Failed(id, new RequestRejected(RequestRejected.Code.OVERLOADED, message, null));
    }
}
