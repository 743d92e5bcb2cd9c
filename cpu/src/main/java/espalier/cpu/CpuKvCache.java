package espalier.cpu;

import espalier.tensor.KvCache;

/**
 * Keys and values, [layers, key or value, kvHeads, slots, headDim]: what one head reads of a sequence whose slots are
 * consecutive is one run of memory.
 *
 * @param address of memory that is backed when it is first written
 */
record CpuKvCache(Shape shape, long address) implements KvCache {

    long keys(int layer, int head) {
        return address + (2L * layer * shape.kvHeads() + head) * shape.slots() * rowBytes();
    }

    long values(int layer, int head) {
        return keys(layer, head) + (long) shape.kvHeads() * shape.slots() * rowBytes();
    }

    long rowBytes() {
        return (long) shape.headDim() * shape.dtype().bytes();
    }
}
