package espalier.jinja;

import org.jspecify.annotations.Nullable;

/** A call of a function of the compiled template: its slots, and where its text goes. */
final class Frame {
    final Object[] slots;
    final @Nullable Frame outer;
    final Render render;
    final Variables variables;
    Text out;

    private Frame(int slots, @Nullable Frame outer, Render render, Variables variables, Text out) {
        this.slots = new Object[slots];
        java.util.Arrays.fill(this.slots, Missing.MISSING);
        this.outer = outer;
        this.render = render;
        this.variables = variables;
        this.out = out;
    }

    static Frame root(int slots, Render render, Variables variables, Text out) {
        return new Frame(slots, null, render, variables, out);
    }

    /** A frame of a function that was defined in this one, writing to a text of its own. */
    Frame inner(int slots) {
        return new Frame(slots, this, render, variables, new Text(render));
    }

    Frame outer(int distance) {
        Frame frame = this;
        for (int i = 0; i < distance; i++) {
            if (frame.outer == null) {
                throw new IllegalStateException("a frame outside the template");
            }
            frame = frame.outer;
        }
        return frame;
    }
}
