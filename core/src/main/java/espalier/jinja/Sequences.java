package espalier.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** What can be iterated, measured, indexed and sliced. */
final class Sequences {
    private Sequences() {}

    /** The items of a value; null where Python says that it is not iterable. */
    static @Nullable Iterator<Object> iteratorOrNull(Render render, Object value) {
        return switch (value) {
            case ListValue list -> list.items().iterator();
            case Tuple tuple -> tuple.items().iterator();
            case String text -> characters(render.codePoints(text));
            case Markup markup -> characters(render.codePoints(markup.text()));
            case Dict dict -> dict.iterator();
            case Dict.View view -> view.list().iterator();
            case Range range -> numbers(range);
            case Stream stream -> stream.items();
            case Undefined undefined -> Collections.emptyIterator();
            default -> null;
        };
    }

    static Iterator<Object> iterator(Render render, Object value) {
        Iterator<Object> iterator = iteratorOrNull(render, value);
        if (iterator == null) {
            throw Failure.of("'" + Types.name(value) + "' object is not iterable");
        }
        return iterator;
    }

    private static Iterator<Object> characters(CodePoints points) {
        return new Indexed(points.length(), points::character);
    }

    private static Iterator<Object> numbers(Range range) {
        return new Indexed(range.length(), range::at);
    }

    /** Items that are made of their index. */
    private static final class Indexed implements Iterator<Object> {
        private final int length;
        private final IntFunction<Object> items;
        private int next;

        Indexed(int length, IntFunction<Object> items) {
            this.length = length;
            this.items = items;
        }

        @Override
        public boolean hasNext() {
            return next < length;
        }

        @Override
        public Object next() {
            if (next >= length) {
                throw new NoSuchElementException();
            }
            return items.apply(next++);
        }
    }

    /** All items of a value, as a new list. */
    static List<Object> list(Render render, Object value) {
        List<Object> items = new ArrayList<>();
        for (Iterator<Object> i = iterator(render, value); i.hasNext(); ) {
            render.visit();
            items.add(i.next());
        }
        return items;
    }

    /** As {@code len}; negative where the value has no length. */
    static int lengthOrNegative(Object value) {
        return switch (value) {
            case String text -> CodePoints.length(text);
            case Markup markup -> CodePoints.length(markup.text());
            case ListValue list -> list.items().size();
            case Tuple tuple -> tuple.items().size();
            case Dict dict -> dict.size();
            case Dict.View view -> view.dict().size();
            case Range range -> range.length();
            case Undefined undefined -> 0;
            case Loop loop -> loop.length();
            default -> -1;
        };
    }

    static int length(Object value) {
        int length = lengthOrNegative(value);
        if (length < 0) {
            throw Failure.of("object of type '" + Types.name(value) + "' has no len()");
        }
        return length;
    }

    /** True for what has a length and can be indexed. */
    static boolean isSequence(Object value) {
        return switch (value) {
            case String text -> true;
            case Markup markup -> true;
            case ListValue list -> true;
            case Tuple tuple -> true;
            case Dict dict -> true;
            case Range range -> true;
            default -> false;
        };
    }

    /** The item at an index, which counts from the end if negative; null beyond the ends or where the value has no indexes. */
    static @Nullable Object at(Render render, Object value, Object index) {
        if (!Numbers.isInteger(index) || !isSequence(value) || value instanceof Dict) {
            return null;
        }
        String text = Types.text(value);
        int wanted = Numbers.count(index, "index");
        int length = text != null ? render.codePoints(text).length() : length(value);
        int at = wanted < 0 ? wanted + length : wanted;
        if (at < 0 || at >= length) {
            return null;
        }
        return switch (value) {
            case ListValue list -> list.items().get(at);
            case Tuple tuple -> tuple.items().get(at);
            case Range range -> range.at(at);
            case Markup markup -> new Markup(render.codePoints(markup.text()).character(at));
            default -> render.codePoints((String) value).character(at);
        };
    }

    /** {@code value[start:stop:step]}, each of which may be {@code None}. */
    static Object slice(Render render, Object value, Object start, Object stop, Object step) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (!isSequence(value) || value instanceof Dict) {
            throw Failure.of("'" + Types.name(value) + "' object cannot be sliced");
        }
        int stride = step == None.NONE ? 1 : sliceIndex(step);
        if (stride == 0) {
            throw Failure.of("slice step cannot be zero");
        }
        String text = Types.text(value);
        int length = text != null ? render.codePoints(text).length() : length(value);
        int first = bound(start, length, stride, stride > 0 ? 0 : length - 1);
        int last = bound(stop, length, stride, stride > 0 ? length : -1);
        if (text != null) {
            String part = slice(render, render.codePoints(text), first, last, stride);
            return value instanceof Markup ? new Markup(part) : part;
        }
        return switch (value) {
            case Range range ->
                Range.of(
                        range.start() + first * range.step(),
                        range.start() + last * range.step(),
                        range.step() * stride);
            case Tuple tuple -> new Tuple(slice(render, tuple.items(), first, last, stride));
            default -> new ListValue(slice(render, ((ListValue) value).items(), first, last, stride));
        };
    }

    private static int sliceIndex(Object value) {
        if (!Numbers.isInteger(value)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("slice indices must be integers or None or have an __index__ method");
        }
        return Numbers.count(value, "slice index");
    }

    private static int bound(Object value, int length, int stride, int defaultValue) {
        if (value == None.NONE) {
            return defaultValue;
        }
        long index = sliceIndex(value);
        if (index < 0) {
            index += length;
        }
        return stride > 0 ? Math.clamp(index, 0, length) : Math.clamp(index, -1, length - 1);
    }

    private static String slice(Render render, CodePoints points, int first, int last, int stride) {
        if (stride == 1) {
            render.spend(Math.max(0, last - first));
            return points.range(first, last);
        }
        StringBuilder out = new StringBuilder();
        for (long i = first; stride > 0 ? i < last : i > last; i += stride) {
            render.visit();
            out.appendCodePoint(points.at((int) i));
        }
        return out.toString();
    }

    private static List<Object> slice(Render render, List<Object> items, int first, int last, int stride) {
        List<Object> out = new ArrayList<>();
        for (long i = first; stride > 0 ? i < last : i > last; i += stride) {
            render.visit();
            out.add(items.get((int) i));
        }
        return out;
    }
}
