package espalier.load;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/** The tokens of one streamed answer, and when each was here. */
final class Received {
    private final LongSupplier clock;
    private final List<Long> times = new ArrayList<>();
    private int cached;

    Received(LongSupplier clock) {
        this.clock = clock;
    }

    int tokens() {
        return times.size();
    }

    int cached() {
        return cached;
    }

    void cached(int tokens) {
        cached = tokens;
    }

    /** So many tokens are here by now. */
    void upTo(int tokens) {
        long now = clock.getAsLong();
        while (times.size() < tokens) {
            times.add(now);
        }
    }

    /** So many there were in all; what was counted beyond them carried no token. */
    void exactly(int tokens) {
        upTo(tokens);
        while (times.size() > tokens) {
            times.removeLast();
        }
    }

    long[] times() {
        return times.stream().mapToLong(Long::longValue).toArray();
    }
}
