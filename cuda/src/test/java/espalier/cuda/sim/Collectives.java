package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;

/** What the lanes of a warp do together: shfl, match (PTX ISA 9.7.9.6, 9.7.13.10). */
final class Collectives {
    private Collectives() {}

    /** One value for the lanes in {@code m}. */
    static void spread(int[] d, int value, int m) {
        for (int l = 0; l < Alu.LANES; l++) {
            d[l] = (m >> l & 1) != 0 ? value : d[l];
        }
    }

    /** shfl.sync; {@code c} holds the clamp in bits 0 to 4 and the segment mask in bits 8 to 12. */
    static void shuffle(Warp w, Instruction in, int m, char mode, int d, int p, int[] a, int[] b, int[] c) {
        System.arraycopy(a, 0, w.scratch, 0, Alu.LANES);
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s), by = b[l] & 31, segment = c[l] >>> 8 & 31;
            int bound = l & segment | c[l] & 31 & ~segment;
            int from = switch (mode) {
                case 'u' -> l - by;
                case 'd' -> l + by;
                case 'b' -> l ^ by;
                default -> l & segment | by & ~segment;
            };
            boolean ok = mode == 'u' ? from >= bound : from <= bound;
            if (!ok) {
                from = l;
            }
            if ((m >> from & 1) == 0) {
                w.report(DIVERGENCE, in, "lane " + l + " reads lane " + from + ", which does not take part");
            }
            w.r[d][l] = w.scratch[from];
            if (p >= 0) {
                w.p[p] = ok ? w.p[p] | 1 << l : w.p[p] & ~(1 << l);
            }
        }
    }

    /** match.any: the lanes with the same value; match.all: all of them if they agree, else none. */
    static void match(Warp w, int m, boolean all, int d, int p, long[] wide, int[] narrow) {
        int[] same = new int[Alu.LANES];
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            for (int r = m; r != 0; r &= r - 1) {
                int k = Integer.numberOfTrailingZeros(r);
                boolean equal = wide != null ? wide[l] == wide[k] : narrow[l] == narrow[k];
                same[l] |= equal ? 1 << k : 0;
            }
        }
        boolean agreed = same[Integer.numberOfTrailingZeros(m)] == m;
        for (int s = m; s != 0; s &= s - 1) {
            int l = Integer.numberOfTrailingZeros(s);
            w.r[d][l] = !all ? same[l] : agreed ? m : 0;
        }
        if (p >= 0) {
            w.p[p] = agreed ? w.p[p] | m : w.p[p] & ~m;
        }
    }
}
