package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import espalier.cpu.jit.RowCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** By machine code, with the bits that {@link RowLoops} have in vectors of 16. */
final class EmittedRows implements RowOps {
    /** A lane's number has a cache line of its own. */
    private static final int LANE_BYTES = 64;

    private final RowCode code;
    private final MemorySegment numbers;

    EmittedRows(RowCode code, int lanes, Arena arena) {
        this.code = code;
        numbers = arena.allocate((long) lanes * LANE_BYTES, LANE_BYTES);
    }

    @Override
    public float sumOfSquares(long x, int count, int lane) {
        long at = (long) lane * LANE_BYTES;
        code.sumOfSquares(x, count, numbers.address() + at);
        return numbers.get(JAVA_FLOAT, at);
    }

    @Override
    public void scale(long x, float scale, long weight, long out, int count) {
        code.scale(x, scale, weight, out, count);
    }

    @Override
    public void add(long x, long y, int count) {
        code.add(x, y, count);
    }

    @Override
    public void siluMul(long gate, long up, long out, int count) {
        code.siluMul(gate, up, out, count);
    }

    @Override
    public void rotate(long x, int half, long cosines, long sines) {
        code.rotate(x, half, cosines, sines);
    }

    @Override
    public void toBf16(long from, long to, int count) {
        code.toBf16(from, to, count);
    }
}
