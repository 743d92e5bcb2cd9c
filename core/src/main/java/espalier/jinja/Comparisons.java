package espalier.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;

/** Equality, order and membership as Python sees them. */
final class Comparisons {
    /** What {@link #order} gives where a comparison with NaN makes every order false. */
    static final int UNORDERED = Integer.MIN_VALUE;

    private static final int MAX_DEPTH = 200;

    private Comparisons() {}

    static boolean equal(Render render, Object a, Object b) {
        return equal(render, a, b, 0);
    }

    private static boolean equal(Render render, Object a, Object b, int depth) {
        checkDepth(render, depth);
        if (a instanceof String left && b instanceof String right) {
            render.spend(left.length() == right.length() ? left.length() >> 4 : 0);
            return left.equals(right);
        }
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            return orderNumbers(a, b) == 0;
        }
        String text = Types.text(a);
        if (text != null) {
            return text.equals(Types.text(b));
        }
        return switch (a) {
            case ListValue list ->
                b instanceof ListValue other && equalItems(render, list.items(), other.items(), depth);
            case Tuple tuple -> b instanceof Tuple other && equalItems(render, tuple.items(), other.items(), depth);
            case Dict dict -> b instanceof Dict other && equalDicts(render, dict, other, depth);
            case Dict.View view -> b instanceof Dict.View other && equalViews(render, view, other);
            case Range range -> b instanceof Range other && equalRanges(range, other);
            case Undefined undefined -> b instanceof Undefined;
            default -> Types.identical(a, b);
        };
    }

    private static boolean equalItems(Render render, List<Object> a, List<Object> b, int depth) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (!same(render, a.get(i), b.get(i), depth + 1)) {
                return false;
            }
        }
        return true;
    }

    private static boolean equalDicts(Render render, Dict a, Dict b, int depth) {
        if (a.size() != b.size()) {
            return false;
        }
        for (Dict.Entry entry : a.entries()) {
            Object other = b.get(entry.key());
            if (other == null || !same(render, entry.value(), other, depth + 1)) {
                return false;
            }
        }
        return true;
    }

    private static boolean equalViews(Render render, Dict.View a, Dict.View b) {
        if (a.part() == Dict.View.Part.VALUES || b.part() == Dict.View.Part.VALUES) {
            return Types.identical(a, b);
        }
        List<Object> others = b.list();
        return a.dict().size() == b.dict().size() && a.list().stream().allMatch(item -> contains(render, others, item));
    }

    private static boolean equalRanges(Range a, Range b) {
        int length = a.length();
        return length == b.length()
                && (length == 0 || (a.start() == b.start() && (length == 1 || a.step() == b.step())));
    }

    /** As containers compare their items: what is identical is equal, NaN included. */
    private static boolean same(Render render, Object a, Object b, int depth) {
        return Types.identical(a, b) || equal(render, a, b, depth);
    }

    static boolean contains(Render render, Collection<Object> items, Object item) {
        for (Object candidate : items) {
            if (same(render, candidate, item, 0)) {
                return true;
            }
        }
        return false;
    }

    /** {@code item in container}. */
    static boolean contains(Render render, Object container, Object item) {
        String text = Types.text(container);
        if (text != null) {
            String part = Types.text(item);
            if (part == null) {
                throw Failure.of("'in <string>' requires string as left operand, not " + Types.name(item));
            }
            render.search(text, part);
            return text.contains(part);
        }
        if (container instanceof Dict dict) {
            return dict.contains(item);
        }
        if (container instanceof Dict.View view && view.part() == Dict.View.Part.KEYS) {
            return view.dict().contains(item);
        }
        if (container instanceof Range range && Numbers.isSmall(item)) {
            return range.contains(Numbers.small(item));
        }
        Iterator<Object> items = Sequences.iteratorOrNull(render, container);
        if (items == null) {
            throw Failure.of("argument of type '" + Types.name(container) + "' is not iterable");
        }
        while (items.hasNext()) {
            if (same(render, items.next(), item, 0)) {
                return true;
            }
        }
        return false;
    }

    /** Negative, zero or positive, or {@link #UNORDERED}; the operator names the comparison in a refusal. */
    static int order(Render render, Object a, Object b, String operator) {
        return order(render, a, b, operator, 0);
    }

    private static int order(Render render, Object a, Object b, String operator, int depth) {
        checkDepth(render, depth);
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            return orderNumbers(a, b);
        }
        String left = Types.text(a);
        String right = Types.text(b);
        if (left != null && right != null) {
            render.spend(Math.min(left.length(), right.length()));
            return orderTexts(left, right);
        }
        if (a instanceof ListValue list && b instanceof ListValue other) {
            return orderItems(render, list.items(), other.items(), operator, depth);
        }
        if (a instanceof Tuple tuple && b instanceof Tuple other) {
            return orderItems(render, tuple.items(), other.items(), operator, depth);
        }
        if (a instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.failure();
        }
        throw Failure.of("'" + operator + "' not supported between instances of '" + Types.name(a) + "' and '"
                + Types.name(b) + "'");
    }

    private static int orderItems(Render render, List<Object> a, List<Object> b, String operator, int depth) {
        for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
            if (!same(render, a.get(i), b.get(i), depth + 1)) {
                return order(render, a.get(i), b.get(i), operator, depth + 1);
            }
        }
        return Integer.compare(a.size(), b.size());
    }

    private static int orderNumbers(Object a, Object b) {
        if (Numbers.isSmall(a) && Numbers.isSmall(b)) {
            return Long.compare(Numbers.small(a), Numbers.small(b));
        }
        if (a instanceof Double left && b instanceof Double right) {
            return left.isNaN() || right.isNaN() ? UNORDERED : left < right ? -1 : left.doubleValue() == right ? 0 : 1;
        }
        if (a instanceof Double left) {
            return orderMixed(left, Numbers.big(b));
        }
        if (b instanceof Double right) {
            int order = orderMixed(right, Numbers.big(a));
            return order == UNORDERED ? order : -order;
        }
        return Numbers.big(a).compareTo(Numbers.big(b));
    }

    private static int orderMixed(double a, BigInteger b) {
        if (Double.isNaN(a)) {
            return UNORDERED;
        }
        return Double.isInfinite(a) ? (a > 0 ? 1 : -1) : new BigDecimal(a).compareTo(new BigDecimal(b));
    }

    /** By code points: where the texts part, a surrogate stands for a character beyond all others. */
    static int orderTexts(String a, String b) {
        int length = Math.min(a.length(), b.length());
        for (int i = 0; i < length; i++) {
            char left = a.charAt(i);
            char right = b.charAt(i);
            if (left != right) {
                boolean swapped = Character.isSurrogate(left) != Character.isSurrogate(right);
                return swapped ? (Character.isSurrogate(left) ? 1 : -1) : Character.compare(left, right);
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    private static void checkDepth(Render render, int depth) {
        render.visit();
        if (depth > MAX_DEPTH) {
            throw Failure.limit("values nest too deep to be compared");
        }
    }
}
