package espalier.cpu.jit;

/**
 * What is done to one row of {@code count} floats at an address, between two products. Nothing behind a row is touched, and
 * an output may be one of the inputs. Whoever calls has checked that all lie in memory.
 */
public interface RowOps {
    /**
     * By one tree for every row of that length.
     *
     * @param lane of the team, whose memory is used
     */
    float sumOfSquares(long x, int count, int lane);

    /** What RMSNorm (Zhang and Sennrich, 2019) multiplies a row by. */
    default float rmsScale(long x, int count, float eps, int lane) {
        return (float) (1 / Math.sqrt(sumOfSquares(x, count, lane) / (double) count + eps));
    }

    /** {@code out = x * scale * weight}. */
    void scale(long x, float scale, long weight, long out, int count);

    /** {@code x += y}. */
    void add(long x, long y, int count);

    /** {@code out = gate / (1 + exp(-gate)) * up}. */
    void siluMul(long gate, long up, long out, int count);

    /** Rotates the pairs {@code (x[j], x[j + half])} by angles whose cosines and sines are given. */
    void rotate(long x, int half, long cosines, long sines);

    /** Rounds to bf16, ties to even; a NaN stays one. */
    void toBf16(long from, long to, int count);
}
