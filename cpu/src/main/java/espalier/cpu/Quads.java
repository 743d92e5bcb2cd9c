package espalier.cpu;

import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.V;

/**
 * A packed matrix of a {@link QuadForm}.
 *
 * @param address of its first quad
 */
record Quads(QuadForm form, int out, int in, long address) {

    /** A shift by this makes any number of steps 0. */
    private static final int ONE_GROUP = Integer.SIZE - 1;

    int count() {
        return Math.ceilDiv(out, 4);
    }

    /** Whether a step of two vectors has one scale, as {@link #multiply} wants it. */
    boolean isDirect() {
        return form.group() == 0 || form.group() >= 2 * L;
    }

    /** By how much the index of a vector is shifted to that of its group. */
    private int shift() {
        return form.group() == 0 ? ONE_GROUP : Integer.numberOfTrailingZeros(form.group() / L);
    }

    /** Where one quad's operands from some element on are. */
    private record Place(long numbers, long scales, long minima) {}

    /** @param from a multiple of a block and of a group */
    private Place place(int quad, int from) {
        long at = address + quad * form.quadBytes(in);
        long scales = form.group() == 0 ? at : at + 16L * (from / form.group());
        long numbers = at + form.numbersAt(in) + (long) from / form.blockElements() * 4 * V;
        return new Place(numbers, scales, scales + form.minimaAt(in));
    }

    /**
     * A row of x, from element {@code from} on, by a quad.
     *
     * @param x its first element that is multiplied
     * @param count a multiple of two vectors
     */
    void multiply(int quad, long x, int from, int count, long acc) {
        Place at = place(quad, from);
        int shift = form.group() == 0 ? ONE_GROUP : shift() - 1;
        int steps = count / Packing.BLOCK;
        switch (form.numbers()) {
            case BYTES -> QuadTiles.bytes(x, at.numbers, at.scales, shift, steps, acc);
            case RAISED_BYTES -> QuadTiles.raisedBytes(x, at.numbers, at.scales, form.minimaAt(in), shift, steps, acc);
            case NIBBLES -> QuadTiles.nibbles(x, at.numbers, at.scales, shift, steps, acc);
            case RAISED_NIBBLES ->
                QuadTiles.raisedNibbles(x, at.numbers, at.scales, form.minimaAt(in), shift, steps, acc);
        }
    }

    /** A quad as a panel of f32, [vector, output, L]. */
    void expand(int quad, int from, int count, long panel) {
        Place at = place(quad, from);
        int steps = Packing.blocks(count);
        for (int i = 0; i < 4; i++) {
            long numbers = at.numbers + (long) i * V;
            long scales = at.scales + 4L * i;
            long minima = at.minima + 4L * i;
            long to = panel + (long) i * V;
            switch (form.numbers()) {
                case BYTES -> QuadTiles.expandBytes(numbers, scales, shift(), steps, to);
                case RAISED_BYTES -> QuadTiles.expandRaisedBytes(numbers, scales, minima, shift(), steps, to);
                case NIBBLES -> QuadTiles.expandNibbles(numbers, scales, shift(), steps, to);
                case RAISED_NIBBLES -> QuadTiles.expandRaisedNibbles(numbers, scales, minima, shift(), steps, to);
            }
        }
    }
}
