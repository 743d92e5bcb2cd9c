package espalier.exec;

import espalier.base.Tokens;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Which pages each seat holds, on the device and, for the slots that a step writes, on the host. The device's copy is
 * never sent whole: a step sends the pages that it adds, a long run by a copy of its own, the others together. What lies
 * beyond a seat's pages is stale and never read.
 */
final class PageTable {
    /** Pages that a seat may add to those that are sent together. */
    static final int FEW = 16;

    /** Pages that a seat's list grows by at least: it is kept for the sequences to come. */
    private static final int GROWTH = 4096;

    private final Device device;
    private final Tensor table;
    private final int pageSize;
    private final int[][] pages;
    private final int[] held;
    private final int[] addedPages;
    private final int[] addedAt;
    private int added;

    PageTable(Device device, Capacity capacity) {
        int seats = capacity.seats();
        int width = capacity.pagesPerSequence();
        this.device = device;
        this.pageSize = capacity.pageSize();
        this.table = new Tensor(device.allocate(deviceBytes(capacity)), 0, DType.I32, seats, width, width);
        this.pages = new int[seats][0];
        this.held = new int[seats];
        this.addedPages = new int[seats * FEW];
        this.addedAt = new int[seats * FEW];
    }

    static long deviceBytes(Capacity capacity) {
        return 4L * capacity.seats() * capacity.pagesPerSequence();
    }

    /** Forgets what {@link #added} has told. */
    void clearAdded() {
        added = 0;
    }

    /** How many pages are to be scattered over the table: {@link #addedPage} at {@link #addedAt}. */
    int added() {
        return added;
    }

    int addedPage(int index) {
        return addedPages[index];
    }

    int addedAt(int index) {
        return addedAt[index];
    }

    /** [seats, pages per sequence]. */
    Tensor tensor() {
        return table;
    }

    /** Gives the seat to another sequence, which holds nothing yet. */
    void open(int seat) {
        if (seat < 0 || seat >= held.length) {
            throw new IllegalArgumentException("seat " + seat + " of " + held.length);
        }
        held[seat] = 0;
    }

    /** Seats differ between two {@link #clearAdded}. */
    void append(int seat, Tokens more) {
        if (more.isEmpty()) {
            return;
        }
        int from = held[seat];
        int to = from + more.size();
        if (to > table.cols()) {
            throw new IllegalArgumentException(
                    "seat " + seat + " is to hold " + to + " pages; a sequence has at most " + table.cols());
        }
        if (to > pages[seat].length) {
            pages[seat] = Arrays.copyOf(pages[seat], Math.min(table.cols(), to + Math.max(to, GROWTH)));
        }
        more.copyTo(pages[seat], from);
        held[seat] = to;
        int first = Math.addExact(Math.multiplyExact(seat, table.stride()), from);
        if (more.size() <= FEW) {
            for (int i = 0; i < more.size(); i++) {
                addedPages[added] = pages[seat][from + i];
                addedAt[added++] = first + i;
            }
        } else {
            MemorySegment run = MemorySegment.ofArray(pages[seat]).asSlice(4L * from, 4L * more.size());
            device.upload(run, table.buffer(), 4L * first);
        }
    }

    /** Below 0, 0 or above where one seat's pages come before, are, or come behind another's, number by number. */
    int compare(int seat, int other) {
        return Arrays.compare(pages[seat], 0, held[seat], pages[other], 0, held[other]);
    }

    /** How many pages two seats begin with that are the same ones. */
    int common(int seat, int other) {
        int at = Arrays.mismatch(pages[seat], 0, held[seat], pages[other], 0, held[other]);
        return at < 0 ? held[seat] : at;
    }

    /** Where the cache keeps a position of the seat's sequence. */
    int slot(int seat, int position) {
        int page = position / pageSize;
        if (page >= held[seat]) {
            throw new IllegalArgumentException(
                    "position " + position + " of seat " + seat + " lies beyond its " + held[seat] + " pages");
        }
        return pages[seat][page] * pageSize + position % pageSize;
    }
}
