package espalier.model;

import espalier.api.EngineFault;

/** Where this rank stands among those that share the model, and which part of an axis is its own. */
public record Mesh(int rank, int ranks) {

    public Mesh {
        if (ranks < 1 || rank < 0 || rank >= ranks) {
            throw new IllegalArgumentException("rank " + rank + " of " + ranks);
        }
    }

    /** A run of an axis, in elements. */
    public record Range(int from, int count) {}

    /**
     * This rank's part of {@code d}.
     *
     * @throws EngineFault if the axis does not divide over the ranks
     */
    public Range mine(Dim d) {
        if (!isShared(d)) {
            return new Range(0, d.size());
        }
        if (d.units() % ranks == 0) {
            int count = d.units() / ranks * d.width();
            return new Range(rank * count, count);
        }
        if (d.split() == Dim.Split.SPLIT_OR_REPEAT && ranks % d.units() == 0) {
            return new Range(rank / (ranks / d.units()) * d.width(), d.width());
        }
        throw new EngineFault(
                EngineFault.Code.RESOURCE,
                "the model's " + d.units() + " " + d.name() + " do not divide over " + ranks
                        + " ranks; choose a --tp that divides them");
    }

    /** Whether the ranks hold different parts of {@code d} (some perhaps the same one). */
    public boolean isShared(Dim d) {
        return switch (d.split()) {
            case WHOLE -> false;
            case SPLIT, SPLIT_OR_REPEAT -> ranks > 1;
            case SPLIT_OR_WHOLE -> ranks > 1 && d.units() % ranks == 0;
        };
    }
}
