package espalier.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The variable {@code loop}. It looks no further ahead than it is asked to: {@code last} and {@code nextitem} take one item,
 * {@code length} takes all where the iterated value has none.
 */
final class Loop implements Callable {
    private final Render render;
    private final int depth0;
    private final @Nullable Recursion recursion;
    private Iterator<Object> items;
    private int length;
    private int index0 = -1;
    private @Nullable Object after;
    private @Nullable Object current;
    private @Nullable Object before;
    private @Nullable Tuple lastChanged;

    /** Renders the loop's body over other items. */
    interface Recursion {
        Object render(Object iterable, int depth);
    }

    /**
     * @param length negative where it is not known
     */
    Loop(Render render, Iterator<Object> items, int length, @Nullable Recursion recursion, int depth0) {
        this.render = render;
        this.items = items;
        this.length = length;
        this.recursion = recursion;
        this.depth0 = depth0;
    }

    boolean hasNext() {
        return after != null || items.hasNext();
    }

    Object next() {
        Object item = after == null ? items.next() : after;
        after = null;
        index0++;
        before = current;
        current = item;
        return item;
    }

    int length() {
        if (length < 0) {
            List<Object> rest = new ArrayList<>();
            while (items.hasNext()) {
                render.visit();
                rest.add(items.next());
            }
            items = rest.iterator();
            length = rest.size() + index() + (after == null ? 0 : 1);
        }
        return length;
    }

    int index() {
        return index0 + 1;
    }

    private @Nullable Object peek() {
        if (after == null && items.hasNext()) {
            after = items.next();
        }
        return after;
    }

    @Nullable
    Object attribute(String name) {
        return switch (name) {
            case "index" -> (long) index();
            case "index0" -> (long) index0;
            case "first" -> index0 == 0;
            case "last" -> peek() == null;
            case "length" -> (long) length();
            case "revindex" -> (long) length() - index0;
            case "revindex0" -> (long) length() - index();
            case "depth" -> depth0 + 1L;
            case "depth0" -> (long) depth0;
            case "previtem" -> index0 == 0 || before == null ? new Undefined("there is no previous item") : before;
            case "nextitem" -> peek() == null ? new Undefined("there is no next item") : peek();
            case "cycle" -> (Callable) (state, arguments) -> cycle(arguments.positional());
            case "changed" -> (Callable) (state, arguments) -> changed(arguments.positional());
            default -> null;
        };
    }

    private Object cycle(List<Object> choices) {
        if (choices.isEmpty()) {
            throw Failure.of("no items for cycling given");
        }
        return choices.get(index0 % choices.size());
    }

    private boolean changed(List<Object> values) {
        Tuple now = new Tuple(values);
        if (lastChanged != null && Comparisons.equal(render, lastChanged, now)) {
            return false;
        }
        lastChanged = now;
        return true;
    }

    /** {@code loop(children)} in a recursive loop. */
    @Override
    public Object call(Render state, Arguments arguments) {
        if (recursion == null) {
            throw Failure.of("The loop must have the 'recursive' marker to be called recursively.");
        }
        return recursion.render(arguments.bind("loop", 1, "iterable").at(0), depth0 + 1);
    }
}
