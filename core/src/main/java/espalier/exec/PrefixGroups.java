package espalier.exec;

import espalier.tensor.SharedPrefixes;
import java.util.Arrays;

/**
 * Finds the sequences of a step that begin with the same pages. Two sequences share pages only where the cache gave both
 * the same prefix, and what follows is each one's own, so what two seats share never changes while they are held.
 *
 * <p>The seats stand in the order of their pages, each with the number of pages that it shares with the one before: what
 * any run of neighbours shares is the least of those numbers. These numbers form a tree, as in an array of suffixes: a
 * system prompt that all share, below it the documents that some share. Each branch is either one group or is left to its
 * parts, whichever saves more positions.
 *
 * <p>A step with the sequences of the step before costs a pass over them; one that comes costs some comparisons of pages.
 */
final class PrefixGroups {
    private final PageTable pages;
    private final int pageSize;
    private final SharedPrefixes.Least least;
    /** Seats in the order of their pages; what each shares with the one before; both {@code count} long. */
    private final int[] order;

    private final int[] common;
    private int count;
    /** Pages of each seat that were full when it came; 0 where it is not in the order. */
    private final int[] full;

    /** Of each seat in the step at hand its sequence, else -1. */
    private final int[] sequenceOf;

    private boolean stale;
    /** Groups found: begin and end in {@code order}, shared pages. */
    private final int[] from;

    private final int[] to;
    private final int[] shared;
    private int found;

    PrefixGroups(PageTable pages, Capacity capacity, SharedPrefixes.Least least) {
        this.pages = pages;
        this.pageSize = capacity.pageSize();
        this.least = least;
        int seats = capacity.seats();
        order = new int[seats];
        common = new int[seats];
        full = new int[seats];
        sequenceOf = new int[seats];
        from = new int[seats];
        to = new int[seats];
        shared = new int[seats];
        Arrays.fill(sequenceOf, -1);
    }

    /** Receives a group. */
    interface Group {
        /** @param sequences of the step, {@code positions} that they share */
        void found(int[] sequences, int positions);
    }

    /** The seat goes to another sequence. */
    void forget(int seat) {
        for (int at = 0; full[seat] > 0; at++) {
            if (order[at] == seat) {
                remove(at);
            }
        }
    }

    /** A sequence of one row in the step at hand, with {@code cached} positions before it. */
    void add(int seat, int sequence, int cached) {
        sequenceOf[seat] = sequence;
        if (full[seat] == 0 && cached >= pageSize) {
            arrive(seat, cached / pageSize);
        }
    }

    /** Tells the groups of what was added since the last call, if they save enough. */
    void find(Group group) {
        leave();
        if (stale) {
            found = 0;
            best(0, count);
            stale = false;
        }
        long saved = 0;
        for (int g = 0; g < found; g++) {
            saved += saved(from[g], to[g], shared[g]);
        }
        if (found > 0 && saved >= least.saved()) {
            for (int g = 0; g < found; g++) {
                int first = from[g];
                int[] sequences = new int[to[g] - first];
                for (int i = 0; i < sequences.length; i++) {
                    sequences[i] = sequenceOf[order[first + i]];
                }
                group.found(sequences, shared[g] * pageSize);
            }
        }
        Arrays.fill(sequenceOf, -1);
    }

    private void arrive(int seat, int pagesFull) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (pages.compare(order[middle], seat) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        System.arraycopy(order, low, order, low + 1, count - low);
        System.arraycopy(common, low, common, low + 1, count - low);
        order[low] = seat;
        full[seat] = pagesFull;
        count++;
        common[low] = low == 0 ? 0 : shared(order[low - 1], seat);
        if (low + 1 < count) {
            common[low + 1] = shared(seat, order[low + 1]);
        }
        stale = true;
    }

    private int shared(int seat, int other) {
        return Math.min(pages.common(seat, other), Math.min(full[seat], full[other]));
    }

    /** Those that are not in the step leave. */
    private void leave() {
        for (int i = count - 1; i >= 0; i--) {
            if (sequenceOf[order[i]] < 0) {
                remove(i);
            }
        }
    }

    private void remove(int at) {
        full[order[at]] = 0;
        if (at + 1 < count) {
            common[at + 1] = at == 0 ? 0 : Math.min(common[at], common[at + 1]);
        }
        System.arraycopy(order, at + 1, order, at, count - at - 1);
        System.arraycopy(common, at + 1, common, at, count - at - 1);
        count--;
        stale = true;
    }

    /** Adds the groups of a run that save the most, and returns how many positions they do. */
    private long best(int begin, int end) {
        if (end - begin < least.sequences()) {
            return 0;
        }
        int all = common[begin + 1];
        for (int i = begin + 2; i < end; i++) {
            all = Math.min(all, common[i]);
        }
        long together = (long) all * pageSize >= least.positions() ? saved(begin, end, all) : 0;
        int before = found;
        long apart = 0;
        int part = begin;
        for (int i = begin + 1; i <= end; i++) {
            if (i == end || common[i] == all) {
                apart += best(part, i);
                part = i;
            }
        }
        if (together > 0 && together >= apart) {
            found = before;
            from[found] = begin;
            to[found] = end;
            shared[found++] = all;
            return together;
        }
        return apart;
    }

    private long saved(int begin, int end, int sharedPages) {
        return (end - begin - 1L) * sharedPages * pageSize;
    }
}
