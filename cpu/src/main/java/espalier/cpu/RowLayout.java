package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import espalier.tensor.BlockFormat;
import espalier.tensor.Matrix;
import espalier.tensor.host.BlockRow;
import java.lang.foreign.MemorySegment;

/**
 * Panels of bytes whose columns have a scale each behind them.
 *
 * @param columns of a panel
 * @param offset by which bytes are stored too large
 */
record RowLayout(int columns, int offset) implements PanelProduct.Layout {

    @Override
    public boolean takes(Matrix stored) {
        return stored instanceof Matrix.Blocks b && b.format() == BlockFormat.INT8_ROW && b.in() < 1 << 16;
    }

    @Override
    public void pack(Matrix stored, int row, MemorySegment panel, int column) {
        BlockRow r = BlockRow.of((Matrix.Blocks) stored, row);
        byte[] values = r.values();
        for (int i = 0; i < values.length; i += 4) {
            int four = 0;
            for (int j = 0; j < Math.min(4, values.length - i); j++) {
                four |= ((values[i + j] + offset) & 0xff) << (8 * j);
            }
            panel.set(JAVA_INT_UNALIGNED, (long) i * columns + 4L * column, four);
        }
        panel.set(JAVA_FLOAT_UNALIGNED, panel.byteSize() - 4L * columns + 4L * column, r.scales()[0]);
    }
}
