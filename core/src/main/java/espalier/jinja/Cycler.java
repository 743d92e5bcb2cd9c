package espalier.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The global {@code cycler}: gives its items in turn. */
final class Cycler {
    private final List<Object> items;
    private int position;

    Cycler(List<Object> items) {
        if (items.isEmpty()) {
            throw Failure.of("at least one item has to be provided");
        }
        this.items = items;
    }

    @Nullable
    Object attribute(String name) {
        return switch (name) {
            case "current" -> items.get(position);
            case "pos" -> (long) position;
            case "items" -> new Tuple(items);
            case "next" ->
                method("next", () -> {
                    Object item = items.get(position);
                    position = (position + 1) % items.size();
                    return item;
                });
            case "reset" ->
                method("reset", () -> {
                    position = 0;
                    return None.NONE;
                });
            default -> null;
        };
    }

    private Callable method(String name, java.util.function.Supplier<Object> body) {
        return (render, arguments) -> {
            arguments.positional(name, 0, 0);
            return body.get();
        };
    }
}
