package espalier.load;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** The tokens of one streamed answer, and when each was here. */
final class Received {
    private final LongSupplier clock;
    private final List<Long> times = new ArrayList<>();
    private @Nullable Integer cached;
    private Outcome.Counted counted = Outcome.Counted.BY_EVENTS;

    Received(LongSupplier clock) {
        this.clock = clock;
    }

    Outcome.Counted counted() {
        return counted;
    }

    /** Of the prompt; null where nothing was said. */
    @Nullable
    Integer cached() {
        return cached;
    }

    void cached(int tokens) {
        cached = tokens;
    }

    /** One more event with something in it, which is taken for a token until the server tells better. */
    void event() {
        upTo(times.size() + 1);
    }

    /** So many tokens are here by now, as the server tells. */
    void told(int tokens) {
        counted = Outcome.Counted.BY_SERVER;
        upTo(tokens);
    }

    private void upTo(int tokens) {
        long now = clock.getAsLong();
        while (times.size() < tokens) {
            times.add(now);
        }
    }

    /** So many there were in all; what was counted beyond them carried no token. */
    void exactly(int tokens) {
        told(tokens);
        while (times.size() > tokens) {
            times.removeLast();
        }
    }

    long[] times() {
        return times.stream().mapToLong(Long::longValue).toArray();
    }
}
