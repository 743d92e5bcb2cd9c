package espalier.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Python's {@code sorted}. */
final class Sorting {
    private Sorting() {}

    /** Sorts in place and stably, in reverse as well; throws a {@link Failure} where keys have no order. */
    static <T> void sort(Render render, List<T> items, Function<T, Object> key, boolean reverse) {
        List<Keyed<T>> keyed = new ArrayList<>(items.size());
        for (T item : items) {
            keyed.add(new Keyed<>(key.apply(item), item));
        }
        try {
            keyed.sort((a, b) -> {
                int order = Comparisons.order(render, a.key, b.key, "<");
                int known = order == Comparisons.UNORDERED ? 0 : order;
                return reverse ? -known : known;
            });
        } catch (IllegalArgumentException e) {
            throw Failure.of("the items to sort contradict each other in their order (NaN among them?)");
        }
        for (int i = 0; i < items.size(); i++) {
            items.set(i, keyed.get(i).item);
        }
    }

    private record Keyed<T>(Object key, T item) {}
}
