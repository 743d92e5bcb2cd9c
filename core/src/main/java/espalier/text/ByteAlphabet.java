package espalier.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The bijection between the 256 bytes and 256 printable characters that GPT-2's byte-level vocabularies are written in:
 * printable Latin-1 bytes stand for themselves, the other 68 are counted up from U+0100 in byte order.
 */
final class ByteAlphabet {
    private static final char[] CHARACTERS = characters();
    private static final short[] BYTES = bytesOf(CHARACTERS);

    private ByteAlphabet() {}

    /** The character that stands for a byte (0..255). */
    static char character(int unsignedByte) {
        return CHARACTERS[unsignedByte];
    }

    /** The byte (0..255) that a character stands for, or -1. */
    static int unsignedByte(char character) {
        return character < BYTES.length ? BYTES[character] : -1;
    }

    /**
     * The bytes that a token of a byte-level vocabulary stands for: its UTF-8 where a character is not in the
     * alphabet.
     */
    static byte[] bytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            int value = unsignedByte(token.charAt(i));
            if (value < 0) {
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) value;
        }
        return bytes;
    }

    /**
     * Writes the characters that stand for the UTF-8 bytes of {@code text[from, to)}; surrogates in it are paired.
     *
     * @param out has room for {@code 3 * (to - from)} characters from {@code at}
     * @return the position after the last character written
     */
    static int map(char[] text, int from, int to, char[] out, int at) {
        int o = at;
        for (int i = from; i < to; i++) {
            char c = text[i];
            if (c < 0x80) {
                out[o++] = CHARACTERS[c];
            } else if (c < 0x800) {
                out[o++] = CHARACTERS[0xC0 | c >> 6];
                out[o++] = CHARACTERS[0x80 | (c & 0x3F)];
            } else if (Character.isHighSurrogate(c) && i + 1 < to) {
                int codePoint = Character.toCodePoint(c, text[++i]);
                out[o++] = CHARACTERS[0xF0 | codePoint >> 18];
                out[o++] = CHARACTERS[0x80 | (codePoint >> 12 & 0x3F)];
                out[o++] = CHARACTERS[0x80 | (codePoint >> 6 & 0x3F)];
                out[o++] = CHARACTERS[0x80 | (codePoint & 0x3F)];
            } else {
                out[o++] = CHARACTERS[0xE0 | c >> 12];
                out[o++] = CHARACTERS[0x80 | (c >> 6 & 0x3F)];
                out[o++] = CHARACTERS[0x80 | (c & 0x3F)];
            }
        }
        return o;
    }

    private static char[] characters() {
        char[] characters = new char[256];
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            characters[b] = (char) (printable ? b : next++);
        }
        return characters;
    }

    private static short[] bytesOf(char[] characters) {
        short[] bytes = new short[256 + 68];
        Arrays.fill(bytes, (short) -1);
        for (int b = 0; b < 256; b++) {
            bytes[characters[b]] = (short) b;
        }
        return bytes;
    }
}
