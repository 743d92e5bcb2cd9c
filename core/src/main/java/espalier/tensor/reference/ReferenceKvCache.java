package espalier.tensor.reference;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import espalier.tensor.KvCache;
import espalier.tensor.host.Cells;
import espalier.tensor.host.HostBuffer;
import espalier.tensor.host.NarrowRows;
import java.lang.foreign.MemorySegment;

/** Rows [keys or values, layers, slots, kvHeads] of headDim elements; then a scale for each row, where the type has one. */
record ReferenceKvCache(Shape shape, HostBuffer buffer) implements KvCache {

    float key(int layer, int slot, int head, int d) {
        return number(row(0, layer, slot, head), d);
    }

    float value(int layer, int slot, int head, int d) {
        return number(row(1, layer, slot, head), d);
    }

    /** Stores one head of a token. */
    void set(int layer, int slot, int head, float[] key, float[] value) {
        write(row(0, layer, slot, head), key);
        write(row(1, layer, slot, head), value);
    }

    private void write(long row, float[] numbers) {
        if (shape.type().isNarrow()) {
            var from = MemorySegment.ofArray(numbers);
            NarrowRows.write(
                    shape.type(), from, 0, numbers.length, buffer.memory(), row * shape.headDim(), scaleAt(row));
            return;
        }
        for (int d = 0; d < numbers.length; d++) {
            Cells.setNumber(buffer.memory(), shape.dtype(), at(row, d), numbers[d]);
        }
    }

    private float number(long row, int d) {
        if (!shape.type().isNarrow()) {
            return Cells.number(buffer.memory(), shape.dtype(), at(row, d));
        }
        float scale = shape.type().scaleBytes() == 0 ? 1 : buffer.memory().get(JAVA_FLOAT_UNALIGNED, scaleAt(row));
        return NarrowRows.number(shape.type(), buffer.memory().get(JAVA_BYTE, at(row, d)), scale);
    }

    private long row(int part, int layer, int slot, int head) {
        return (((long) part * shape.layers() + layer) * shape.slots() + slot) * shape.kvHeads() + head;
    }

    private long at(long row, int d) {
        return (row * shape.headDim() + d) * shape.type().bytes();
    }

    private long scaleAt(long row) {
        return at(row(2, 0, 0, 0), 0) + row * shape.type().scaleBytes();
    }
}
