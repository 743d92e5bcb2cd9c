package espalier.http;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes JSON text as UTF-8 into a buffer that is reused: what is sent for every token goes through here, without
 * trees, reflection or intermediate strings. Commas and brackets are the caller's.
 */
public final class JsonWriter {
    private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

    /** What a log-probability of minus infinity is sent as; JSON has no infinities. */
    private static final String LEAST = "-9999.0";

    private byte[] bytes = new byte[1024];
    private int size;

    public JsonWriter clear() {
        size = 0;
        return this;
    }

    public byte[] buffer() {
        return bytes;
    }

    public int size() {
        return size;
    }

    public byte[] toBytes() {
        return Arrays.copyOf(bytes, size);
    }

    /** Copies bytes that are JSON already. */
    public JsonWriter raw(byte[] json) {
        room(json.length);
        System.arraycopy(json, 0, bytes, size, json.length);
        size += json.length;
        return this;
    }

    /** Copies ASCII text that is JSON already. */
    public JsonWriter raw(String ascii) {
        int length = ascii.length();
        room(length);
        for (int i = 0; i < length; i++) {
            bytes[size++] = (byte) ascii.charAt(i);
        }
        return this;
    }

    public JsonWriter number(long value) {
        return raw(Long.toString(value));
    }

    /** The shortest decimal that reads back as {@code value}. */
    public JsonWriter number(float value) {
        return raw(Float.isFinite(value) ? Float.toString(value) : LEAST);
    }

    /** A quoted string; a surrogate without its partner becomes U+FFFD. */
    public JsonWriter string(CharSequence text) {
        int length = text.length();
        room(6 * length + 2);
        bytes[size++] = '"';
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c < 0x80) {
                ascii(c);
            } else if (c < 0x800) {
                bytes[size++] = (byte) (0xc0 | (c >> 6));
                bytes[size++] = (byte) (0x80 | (c & 0x3f));
            } else if (Character.isHighSurrogate(c) && i + 1 < length && Character.isLowSurrogate(text.charAt(i + 1))) {
                supplementary(Character.toCodePoint(c, text.charAt(++i)));
            } else {
                threeBytes(Character.isSurrogate(c) ? '\ufffd' : c);
            }
        }
        bytes[size++] = '"';
        return this;
    }

    private void ascii(char c) {
        switch (c) {
            case '"', '\\' -> escape((byte) c);
            case '\n' -> escape((byte) 'n');
            case '\r' -> escape((byte) 'r');
            case '\t' -> escape((byte) 't');
            default -> {
                if (c >= 0x20) {
                    bytes[size++] = (byte) c;
                } else {
                    escape((byte) 'u');
                    bytes[size++] = '0';
                    bytes[size++] = '0';
                    bytes[size++] = HEX[c >> 4];
                    bytes[size++] = HEX[c & 0xf];
                }
            }
        }
    }

    private void escape(byte letter) {
        bytes[size++] = '\\';
        bytes[size++] = letter;
    }

    private void threeBytes(char c) {
        bytes[size++] = (byte) (0xe0 | (c >> 12));
        bytes[size++] = (byte) (0x80 | ((c >> 6) & 0x3f));
        bytes[size++] = (byte) (0x80 | (c & 0x3f));
    }

    private void supplementary(int point) {
        bytes[size++] = (byte) (0xf0 | (point >> 18));
        bytes[size++] = (byte) (0x80 | ((point >> 12) & 0x3f));
        bytes[size++] = (byte) (0x80 | ((point >> 6) & 0x3f));
        bytes[size++] = (byte) (0x80 | (point & 0x3f));
    }

    private void room(int more) {
        if (size + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + more));
        }
    }
}
