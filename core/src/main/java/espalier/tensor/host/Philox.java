package espalier.tensor.host;

/**
 * A counter-based random generator, Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", 2011): the number is a function of key and counter, so a draw needs no state and no order.
 */
public final class Philox {
    private static final int MULTIPLY_0 = 0xD2511F53;
    private static final int MULTIPLY_1 = 0xCD9E8D57;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;
    private static final long LOW = 0xFFFFFFFFL;

    private Philox() {}

    /** In [0, 1), 53 bits, for the token at {@code position} of answer {@code choice} under {@code seed}. */
    static double uniform(long seed, int choice, int position) {
        return (bits(seed, choice, position) >>> 11) * 0x1p-53;
    }

    /** The 64 bits whose upper 53 are {@link #uniform}. */
    public static long bits(long seed, int choice, int position) {
        return block(seed, position, choice)[0];
    }

    /** The 128 bits of counter (c0, c1, 0, 0) under a key of 64, in two longs whose low halves come first. */
    static long[] block(long key, int c0, int c1) {
        return block(key, c0, c1, 0, 0);
    }

    static long[] block(long key, int c0, int c1, int c2, int c3) {
        int k0 = (int) key;
        int k1 = (int) (key >>> 32);
        for (int round = 0; round < 10; round++) {
            long p0 = (MULTIPLY_0 & LOW) * (c0 & LOW);
            long p1 = (MULTIPLY_1 & LOW) * (c2 & LOW);
            int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c1 = (int) p1;
            c3 = (int) p0;
            c0 = n0;
            c2 = n2;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        return new long[] {join(c1, c0), join(c3, c2)};
    }

    private static long join(int high, int low) {
        return ((long) high << 32) | (low & LOW);
    }
}
