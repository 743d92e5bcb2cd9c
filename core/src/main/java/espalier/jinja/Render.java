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
    static final int MAX_TEXT_CHARS = 1 << 25;
    /** A unit is about a nanosecond: a character copied, or its share of an item visited. */
    private static final long MAX_WORK = 1L << 27;
    /** In frames of Java's stack, of which half a megabyte holds some three thousand. */
    private static final int MAX_DEPTH = 2400;
    /** What one item of a sequence or one round of a loop counts. */
    private static final int UNITS_PER_ITEM = 16;

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

    /** Counts an item visited or a round of a loop. */
    void visit() {
        spend(UNITS_PER_ITEM);
    }

    /** Counts a search of a part in a text at what it takes when all but the last character of the part keep matching. */
    void search(String text, String part) {
        spend(1 + (long) text.length() * Math.max(1, part.length()) / UNITS_PER_ITEM);
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
