package espalier.workload;

import java.nio.charset.StandardCharsets;

/** Numbers from a name: SplitMix64, seeded by FNV-1a of it. */
public final class Draws {
    private long state;

    public Draws(String name) {
        long h = 0xCBF29CE484222325L;
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            h = (h ^ b) * 0x100000001B3L;
        }
        state = h;
    }

    /** From 0 on, less than {@code bound}. */
    public int below(int bound) {
        return (int) ((next() >>> 11) % bound);
    }

    /** Rounded, from 4 to 1,024; the normal distribution is Box and Muller's. */
    int logNormal(double mean, double sigma) {
        double u = real();
        double v = real();
        double normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
        double x = Math.exp(Math.log(mean) - sigma * sigma / 2 + sigma * normal);
        return (int) Math.min(1024, Math.max(4, Math.rint(x)));
    }

    private long next() {
        state += 0x9E3779B97F4A7C15L;
        long z = state;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }

    private double real() {
        return ((next() >>> 11) + 0.5) / (1L << 53);
    }
}
