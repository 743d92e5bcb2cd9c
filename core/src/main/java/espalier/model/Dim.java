package espalier.model;

/**
 * One named axis of a model: how many units, how wide a unit is, and what happens to it when a tensor-parallel group
 * shares the model. How a linear layer is sharded follows from the two axes that it joins.
 */
public record Dim(String name, int units, int width, Split split) {

    /** What ranks do with an axis. */
    public enum Split {
        /** Every rank holds all of it. */
        WHOLE,
        /** Each rank holds an equal run of units; they must divide. */
        SPLIT,
        /** Split while there are enough units; otherwise several ranks hold the same one (grouped-query KV heads). */
        SPLIT_OR_REPEAT,
        /** Split if the units divide, else whole: an axis that may be cut anywhere, but need not be (the vocabulary). */
        SPLIT_OR_WHOLE
    }

    public Dim {
        if (units < 1 || width < 1) {
            throw new IllegalArgumentException("axis " + name + " of " + units + " units of " + width);
        }
    }

    public static Dim whole(String name, int size) {
        return new Dim(name, size, 1, Split.WHOLE);
    }

    public static Dim split(String name, int units, int width) {
        return new Dim(name, units, width, Split.SPLIT);
    }

    public static Dim splitOrRepeat(String name, int units, int width) {
        return new Dim(name, units, width, Split.SPLIT_OR_REPEAT);
    }

    public static Dim splitOrWhole(String name, int size) {
        return new Dim(name, size, 1, Split.SPLIT_OR_WHOLE);
    }

    public int size() {
        return units * width;
    }
}
