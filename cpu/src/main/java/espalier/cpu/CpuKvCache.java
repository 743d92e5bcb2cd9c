package espalier.cpu;

import espalier.tensor.KvCache;

/**
 * Keys and values, [layers, key or value, kvHeads, slots, headDim]: what one head reads of a sequence whose slots are
 * consecutive is one run of memory. Behind them, where the type has any, their scales, [layers, key or value, kvHeads,
 * slots].
 *
 * @param address of memory that is backed when it is first written
 */
record CpuKvCache(Shape shape, long address) implements KvCache {

    /** Has each head's memory written first where attention will read it: heads are divided over nodes in order. */
    void settle(Team team) {
        long bytes = shape.slots() * rowBytes();
        team.runAtHome(shape.kvHeads() * shape.layers(), (part, lane) -> {
            int head = part / shape.layers();
            int layer = part % shape.layers();
            Mapping.touch(keys(layer, head), bytes);
            Mapping.touch(values(layer, head), bytes);
        });
    }

    long keys(int layer, int head) {
        return address + run(layer, head) * shape.slots() * rowBytes();
    }

    long values(int layer, int head) {
        return keys(layer, head) + (long) shape.kvHeads() * shape.slots() * rowBytes();
    }

    long keyScales(int layer, int head) {
        long elements = 2L * shape.layers() * shape.kvHeads() * shape.slots() * rowBytes();
        return address
                + elements
                + run(layer, head) * shape.slots() * shape.type().scaleBytes();
    }

    long valueScales(int layer, int head) {
        return keyScales(layer, head)
                + (long) shape.kvHeads() * shape.slots() * shape.type().scaleBytes();
    }

    private long run(int layer, int head) {
        return 2L * layer * shape.kvHeads() + head;
    }

    long rowBytes() {
        return (long) shape.headDim() * shape.type().bytes();
    }
}
