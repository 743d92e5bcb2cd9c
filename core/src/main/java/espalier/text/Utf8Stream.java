package espalier.text;

/**
 * Decodes UTF-8 that arrives in pieces. Bytes that cannot be part of a character become U+FFFD, one for each maximal
 * prefix of a character (Unicode, section 3.9, "substitution of maximal subparts"), so that the outcome does not depend
 * on where the pieces were cut.
 */
final class Utf8Stream {
    private final StringBuilder out;
    /** The bits of the character begun, and how many bytes it still needs. */
    private int partial;

    private int missing;
    /** The range that the next byte must lie in for the character begun. */
    private int lowest;

    private int highest;
    private boolean damaged;

    /** Characters are appended to {@code out} as they become complete. */
    Utf8Stream(StringBuilder out) {
        this.out = out;
    }

    void accept(byte[] bytes) {
        for (byte b : bytes) {
            accept(b & 0xFF);
        }
    }

    /** Whether something had to be replaced. */
    boolean isDamaged() {
        return damaged;
    }

    /** No more bytes: a character begun is replaced. */
    void finish() {
        if (missing > 0) {
            replace();
            missing = 0;
        }
    }

    private void accept(int b) {
        if (missing > 0) {
            if (b >= lowest && b <= highest) {
                partial = partial << 6 | (b & 0x3F);
                lowest = 0x80;
                highest = 0xBF;
                if (--missing == 0) {
                    out.appendCodePoint(partial);
                }
                return;
            }
            finish();
        }
        if (b < 0x80) {
            out.append((char) b);
        } else if (b >= 0xC2 && b <= 0xDF) {
            begin(b & 0x1F, 1, 0x80, 0xBF);
        } else if (b >= 0xE0 && b <= 0xEF) {
            begin(b & 0x0F, 2, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF);
        } else if (b >= 0xF0 && b <= 0xF4) {
            begin(b & 0x07, 3, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF);
        } else {
            replace();
        }
    }

    private void replace() {
        out.append('\uFFFD');
        damaged = true;
    }

    private void begin(int bits, int bytes, int low, int high) {
        partial = bits;
        missing = bytes;
        lowest = low;
        highest = high;
    }
}
