package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import espalier.tensor.BlockFormat;
import espalier.tensor.Matrix;
import espalier.tensor.host.HostBuffer;
import java.lang.foreign.MemorySegment;

/**
 * Panels of bytes whose columns have a scale each behind them.
 *
 * @param columns of a panel
 * @param stepElements along the sum in a step
 * @param offset by which bytes are stored too large: 128 or 0
 */
record RowLayout(int columns, int stepElements, int offset) implements Layout {
    private static final int EACH = 0x01010101;

    @Override
    public boolean takes(Matrix stored) {
        return stored instanceof Matrix.Blocks b && b.format() == BlockFormat.INT8_ROW && b.in() < 1 << 16;
    }

    @Override
    public void pack(Matrix stored, Rows rows, long panel, int column) {
        var blocks = (Matrix.Blocks) stored;
        MemorySegment memory = HostBuffer.memory(blocks.buffer());
        int in = blocks.in();
        int chunk = CHUNK_BYTES / columns;
        long scales = panel + (long) Math.ceilDiv(in, stepElements) * stepElements * columns;
        for (int first = 0; first < in; first += chunk) {
            for (int r = 0; r < rows.count(); r++) {
                long from = blocks.at(rows.first() + r);
                long to = panel + 4L * (column + r);
                Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, scales + 4L * (column + r), memory.get(JAVA_FLOAT_UNALIGNED, from));
                bytes(memory, from + BlockFormat.INT8_ROW.headBytes(), to, first, Math.min(in, first + chunk));
            }
        }
    }

    private void bytes(MemorySegment memory, long from, long to, int first, int end) {
        int whole = end / 4 * 4;
        for (int i = first; i < whole; i += 4) {
            int four = memory.get(JAVA_INT_UNALIGNED, from + i) ^ (EACH * offset);
            Lanes.ALL.set(JAVA_INT_UNALIGNED, to + (long) i * columns, four);
        }
        for (int i = whole; i < end; i++) {
            int one = memory.get(JAVA_BYTE, from + i) ^ offset;
            Lanes.ALL.set(JAVA_BYTE, to + (long) whole * columns + i - whole, (byte) one);
        }
    }
}
