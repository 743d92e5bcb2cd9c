package espalier.model;

import espalier.checkpoint.StoredTensor;
import espalier.tensor.BlockFormat;
import espalier.tensor.Buffer;
import espalier.tensor.Device;
import espalier.tensor.host.BlockWriter;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * Quantises a block of a plain matrix onto a device: rows in parallel, and some at a time, so that little of it is in memory
 * twice. A row is quantised whole and cut then: every rank holds a part of the same numbers.
 */
record RowQuantizer(StoredTensor stored, BlockFormat format, int width) {
    /** Rows that a thread takes at once, and how many such runs are uploaded together. */
    private static final int RUN = 16;

    private static final int RUNS = 32;

    Buffer place(Device device, Mesh.Range rows, Mesh.Range cols) {
        long rowBytes = format.rowBytes(cols.count());
        Buffer held = device.allocate(rows.count() * rowBytes);
        for (int from = 0; from < rows.count(); from += RUN * RUNS) {
            int count = Math.min(RUN * RUNS, rows.count() - from);
            var bytes = new byte[Math.toIntExact(count * rowBytes)];
            int first = rows.from() + from;
            IntStream.range(0, Math.ceilDiv(count, RUN))
                    .parallel()
                    .forEach(run -> write(first, run * RUN, Math.min(count, (run + 1) * RUN), cols, bytes));
            device.upload(MemorySegment.ofArray(bytes), held, from * rowBytes);
        }
        return held;
    }

    private void write(int first, int from, int to, Mesh.Range cols, byte[] bytes) {
        var writer = new BlockWriter(format, width);
        var values = new float[width];
        var whole = new byte[Math.toIntExact(format.rowBytes(width))];
        int rowBytes = Math.toIntExact(format.rowBytes(cols.count()));
        int head = format.headBytes();
        for (int row = from; row < to; row++) {
            stored.copyTo((long) (first + row) * width, values);
            writer.write(values, whole, 0);
            int skip = cols.from() / format.blockElements() * format.blockBytes();
            System.arraycopy(whole, 0, bytes, row * rowBytes, head);
            System.arraycopy(whole, head + skip, bytes, row * rowBytes + head, rowBytes - head);
        }
    }
}
