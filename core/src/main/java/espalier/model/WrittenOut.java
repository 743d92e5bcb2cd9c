package espalier.model;

import espalier.checkpoint.StoredTensor;
import espalier.checkpoint.StoredTensor.Encoding;
import espalier.tensor.BFloat16;
import espalier.tensor.BlockFormat;
import espalier.tensor.DType;
import espalier.tensor.host.BlockRow;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/** Writes a part of a stored matrix out as numbers of another type, rounded to nearest even, rows in parallel. */
record WrittenOut(StoredTensor stored, int width) {
    /** Rows that a thread takes at once. */
    private static final int RUN = 16;

    /** Reads {@code cols} of a row. */
    private interface Reader {
        void read(long row, float[] values);
    }

    /** Rows one after another, in memory that lives as long as somebody holds it. */
    MemorySegment as(DType type, Mesh.Range rows, Mesh.Range cols) {
        long rowBytes = (long) cols.count() * type.bytes();
        MemorySegment to = Arena.ofAuto().allocate(rows.count() * rowBytes, 64);
        IntStream.range(0, Math.ceilDiv(rows.count(), RUN)).parallel().forEach(run -> {
            Reader reader = reader(cols);
            var values = new float[cols.count()];
            for (int i = run * RUN; i < Math.min(rows.count(), (run + 1) * RUN); i++) {
                reader.read(rows.from() + i, values);
                write(values, type, to.asSlice(i * rowBytes, rowBytes));
            }
        });
        return to;
    }

    private Reader reader(Mesh.Range cols) {
        return switch (stored.encoding()) {
            case Encoding.Plain _ -> (row, values) -> stored.copyTo(row * width + cols.from(), values);
            case Encoding.Blocks(BlockFormat format) -> {
                var blocks = new BlockRow(format, cols.count());
                yield (row, values) -> {
                    long at = stored.order().stored(Math.toIntExact(row)) * format.rowBytes(width);
                    blocks.read(stored.data(), at, cols.from());
                    blocks.toFloats(values);
                };
            }
        };
    }

    private static void write(float[] values, DType type, MemorySegment to) {
        switch (type) {
            case F32 -> MemorySegment.copy(values, 0, to, ValueLayout.JAVA_FLOAT, 0, values.length);
            case BF16 -> {
                for (int j = 0; j < values.length; j++) {
                    to.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, j, BFloat16.of(values[j]));
                }
            }
            case F16 -> {
                for (int j = 0; j < values.length; j++) {
                    to.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, j, Float.floatToFloat16(values[j]));
                }
            }
            case I32 -> throw new IllegalArgumentException("weights as integers");
        }
    }
}
