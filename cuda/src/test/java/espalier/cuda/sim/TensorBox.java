package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.OUT_OF_BOUNDS;

import java.util.Arrays;

/** A box of a tensor in global memory and its swizzled image in shared memory (PTX ISA 5.5, "Tensors"). */
final class TensorBox {
    private static final int MAP_ALIGNMENT = 64, PIECE = 16;

    private TensorBox() {}

    /** The map at a generic address, among the parameters or in global memory, of {@code rank} dimensions; or null. */
    static EncodedMap map(Warp w, Instruction in, int lane, long address, int rank) {
        EncodedMap map = null;
        long param = address - Space.PARAM.base;
        if (address % MAP_ALIGNMENT != 0) {
            w.report(OUT_OF_BOUNDS, in, "the tensor map is not aligned to 64 bytes");
            return null;
        }
        if (param >= 0 && param + 128 <= w.block.params.length) {
            map = EncodedMap.decode(w.block.params, (int) param);
        } else if (Space.of(address) == Space.GLOBAL) { // the host has written it before the launch
            int i = w.block.sim.global.forRead(w, in, lane, address, 16);
            map = i < 0 ? null : EncodedMap.decode(w.block.sim.global.data, i);
        }
        if (map == null || map.box().length != rank) {
            w.report(
                    OUT_OF_BOUNDS,
                    in,
                    map == null ? "no tensor map there" : "the map has " + map.box().length + " dimensions");
            return null;
        }
        return map;
    }

    /** The part of a row that lies inside the tensor: its address, and elements {@code first} to {@code end}. */
    private record Row(long address, int first, int end) {}

    private static Row row(EncodedMap t, int[] at, int row) {
        long from = t.address();
        boolean in = true;
        for (int d = 1, rest = row; d < t.box().length; rest /= t.box()[d++]) {
            long x = at[d] + rest % t.box()[d];
            in &= x >= 0 && x < t.size()[d];
            from += x * t.stride()[d - 1];
        }
        int end = (int) Math.clamp(t.size()[0] - at[0], 0L, t.box()[0]);
        return new Row(from + (long) t.elementBytes() * at[0], Math.clamp(-(long) at[0], 0, t.box()[0]), in ? end : 0);
    }

    /**
     * A copy may read as soon as it is issued, while {@link #load} reads as late as it can: the first element of each row is
     * looked at in both places, so that a copy issued before its source was settled is found.
     */
    static void issued(Warp w, Instruction in, int lane, EncodedMap t, int[] at) {
        int unit = t.elementBytes();
        for (int r = 0; r < t.bytes() / t.width(); r++) {
            Row row = row(t, at, r);
            if (row.first < row.end) {
                w.block.sim.global.forRead(w, in, lane, row.address + (long) row.first * unit, unit);
            }
        }
    }

    /** Into {@code shared} at {@code to}: zeros where the box lies outside. */
    static void load(Warp w, Instruction in, int lane, EncodedMap t, int[] at, Memory shared, int to) {
        Memory global = w.block.sim.global;
        int unit = t.elementBytes(), width = t.width();
        for (int r = 0; r < t.bytes() / width; r++) {
            Row row = row(t, at, r);
            for (int k = 0; k < width; k += PIECE) {
                int target = Fragments.swizzle(to + r * width + k, t.swizzle()),
                        first = k / unit,
                        end = first + PIECE / unit;
                Arrays.fill(shared.data, target, target + PIECE, (byte) 0);
                boolean whole = first >= row.first && end <= row.end && (row.address + k) % PIECE == 0;
                int step = whole ? PIECE : unit;
                for (int x = Math.max(k, row.first * unit); x < Math.min(k + PIECE, row.end * unit); x += step) {
                    int i = global.forRead(w, in, lane, row.address + x, step);
                    if (i >= 0) {
                        System.arraycopy(global.data, i, shared.data, target + x - k, step);
                    }
                }
            }
        }
    }

    /** From the bytes {@code image} that lay at {@code from} in shared memory: what is outside is not written. */
    static void store(Warp w, Instruction in, int lane, EncodedMap t, int[] at, int from, byte[] image) {
        Memory global = w.block.sim.global;
        int unit = t.elementBytes(), width = t.width();
        for (int r = 0; r < t.bytes() / width; r++) {
            Row row = row(t, at, r);
            for (int x = row.first * unit; x < row.end * unit; x += unit) {
                int source = Fragments.swizzle(from + r * width + x / PIECE * PIECE, t.swizzle()) + x % PIECE;
                int i = global.forWrite(w, in, lane, row.address + x, unit);
                if (i >= 0) {
                    global.wrote(w, in, lane, i, unit);
                    System.arraycopy(image, source - from, global.data, i, unit);
                }
            }
        }
    }
}
