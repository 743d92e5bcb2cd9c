package espalier.jinja;

import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One rendering of a template: the clock it reads, and what it may still spend. A template comes with a model that someone
 * downloaded, so it must not be able to hang or kill the process: every character written, item visited and iteration started
 * costs a unit of work, and every call costs depth.
 */
final class Render {
    static final int MAX_TEXT_CHARS = 1 << 26;
    /** A unit costs between a fraction of a nanosecond and some ten of them. */
    private static final long MAX_WORK = 1L << 29;
    /** In levels of the compiled template, each of which takes two or three stack frames. */
    private static final int MAX_DEPTH = 1500;

    final Clock clock;
    final Text output = new Text(this);
    final List<int[]> generations = new ArrayList<>();
    private long work;
    private int depth;
    private @Nullable CodePoints latest;

    Render(Clock clock) {
        this.clock = clock;
    }

    void spend(long units) {
        work += units;
        if (work > MAX_WORK) {
            throw Failure.limit("the template takes more work than is allowed");
        }
    }

    /** Refuses a text or list that would be too large, before it is built. */
    void reserve(long size) {
        if (size > MAX_TEXT_CHARS) {
            throw Failure.limit(
                    "the template makes a value of " + size + " characters or items; allowed are " + MAX_TEXT_CHARS);
        }
        spend(size);
    }

    void enter(int levels) {
        depth += levels;
        if (depth > MAX_DEPTH) {
            depth -= levels;
            throw Failure.limit("the template calls itself too often: recursion is too deep");
        }
    }

    void leave(int levels) {
        depth -= levels;
    }

    /** The characters of a text; the latest is kept, so that a loop over indexes does not count from the start each time. */
    CodePoints codePoints(String text) {
        CodePoints known = latest;
        if (known == null || !known.isOf(text)) {
            known = CodePoints.of(text);
            latest = known;
        }
        return known;
    }
}
