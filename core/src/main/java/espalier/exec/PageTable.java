package espalier.exec;

import espalier.base.Tokens;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Which pages each seat holds, on the device and, for the slots that a step writes, on the host. The device's copy is
 * never sent whole: a step uploads the pages that it adds. What lies beyond a seat's pages is stale and never read.
 */
final class PageTable {
    private final Device device;
    private final Tensor table;
    private final int pageSize;
    private final int[][] pages;
    private final int[] held;

    PageTable(Device device, Capacity capacity) {
        int seats = capacity.seats();
        int width = capacity.pagesPerSequence();
        this.device = device;
        this.pageSize = capacity.pageSize();
        this.table = new Tensor(device.allocate(4L * seats * width), 0, DType.I32, seats, width, width);
        this.pages = new int[seats][0];
        this.held = new int[seats];
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

    void append(int seat, Tokens added) {
        if (added.isEmpty()) {
            return;
        }
        int from = held[seat];
        int to = from + added.size();
        if (to > table.cols()) {
            throw new IllegalArgumentException(
                    "seat " + seat + " is to hold " + to + " pages; a sequence has at most " + table.cols());
        }
        if (to > pages[seat].length) {
            pages[seat] = Arrays.copyOf(pages[seat], Math.min(table.cols(), Math.max(to, 2 * pages[seat].length)));
        }
        added.copyTo(pages[seat], from);
        held[seat] = to;
        MemorySegment run = MemorySegment.ofArray(pages[seat]).asSlice(4L * from, 4L * added.size());
        device.upload(run, table.buffer(), 4L * ((long) seat * table.stride() + from));
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
