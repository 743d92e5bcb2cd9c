package espalier.tensor.reference;

import espalier.tensor.KvCache;
import espalier.tensor.host.Cells;
import espalier.tensor.host.HostBuffer;

/** Keys, then values; each [layers, slots, kvHeads, headDim]. */
record ReferenceKvCache(Shape shape, HostBuffer buffer) implements KvCache {

    float key(int layer, int slot, int head, int d) {
        return Cells.number(buffer.memory(), shape.dtype(), at(layer, slot, head, d));
    }

    float value(int layer, int slot, int head, int d) {
        return Cells.number(buffer.memory(), shape.dtype(), shape.bytes() / 2 + at(layer, slot, head, d));
    }

    void set(int layer, int slot, int head, int d, float key, float value) {
        long at = at(layer, slot, head, d);
        Cells.setNumber(buffer.memory(), shape.dtype(), at, key);
        Cells.setNumber(buffer.memory(), shape.dtype(), shape.bytes() / 2 + at, value);
    }

    private long at(int layer, int slot, int head, int d) {
        long row = ((long) layer * shape.slots() + slot) * shape.kvHeads() + head;
        return (row * shape.headDim() + d) * shape.dtype().bytes();
    }
}
