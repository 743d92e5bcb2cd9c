package espalier.checkpoint.gguf;

import espalier.api.EngineFault;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads the head of a GGUF file in order; a file that ends too early is named. A start waits for this, and nothing of it is
 * compiled yet: so the head is copied to an array, which the interpreter reads many times faster than mapped memory.
 */
final class GgufCursor {
    private static final int TEXT = 8;
    private static final int ARRAY = 9;
    /** What is copied at first, and then as much again as there is. */
    private static final int FIRST_BYTES = 1 << 20;

    private static final int MOST_BYTES = Integer.MAX_VALUE - 16;

    private final String file;
    private final MemorySegment bytes;
    private final long size;
    private byte[] head = {};
    private int at;

    GgufCursor(String file, MemorySegment bytes) {
        this.file = file;
        this.bytes = bytes;
        size = bytes.byteSize();
    }

    long position() {
        return at;
    }

    int word() {
        int i = advance(Integer.BYTES);
        return (head[i] & 0xff) | (head[i + 1] & 0xff) << 8 | (head[i + 2] & 0xff) << 16 | head[i + 3] << 24;
    }

    long doubleWord() {
        long low = Integer.toUnsignedLong(word());
        return low | (long) word() << 32;
    }

    /** How many of something that takes {@code leastBytes} each at least: a larger number cannot be in the file. */
    int count(String what, int leastBytes) {
        long count = doubleWord();
        if (count < 0 || count > (size - at) / leastBytes || count > MOST_BYTES) {
            throw GgufFile.truncated(file + ": " + Long.toUnsignedString(count) + " " + what + " do not fit into the "
                    + size + " bytes of the file");
        }
        return (int) count;
    }

    String text() {
        int length = count("characters", 1);
        int from = advance(length);
        return new String(head, from, length, StandardCharsets.UTF_8);
    }

    /** A value, whose type stands before it. */
    GgufValue value(String key) {
        return value(key, word());
    }

    private GgufValue value(String key, int type) {
        return switch (type) {
            case 6 -> new GgufValue.Real(Float.intBitsToFloat(word()));
            case 12 -> new GgufValue.Real(Double.longBitsToDouble(doubleWord()));
            case 7 -> new GgufValue.Flag(octet() != 0);
            case TEXT -> new GgufValue.Text(text());
            case ARRAY -> array(key);
            default -> new GgufValue.Whole(whole(key, type));
        };
    }

    private long whole(String key, int type) {
        return switch (type) {
            case 0 -> octet() & 0xff;
            case 1 -> octet();
            case 2 -> (octet() & 0xff) | (octet() & 0xff) << 8;
            case 3 -> (octet() & 0xff) | octet() << 8;
            case 4 -> Integer.toUnsignedLong(word());
            case 5 -> word();
            case 10, 11 -> doubleWord();
            default -> throw unknownType(key, type);
        };
    }

    private EngineFault unknownType(String key, int type) {
        return GgufFile.fault(file + ": metadata '" + key + "' has the value type " + Integer.toUnsignedString(type)
                + ", which the format does not have; the file is corrupt");
    }

    private GgufValue array(String key) {
        int type = word();
        if (type == TEXT) {
            return new GgufValue.Texts(texts());
        }
        if (type == ARRAY) {
            int count = count("arrays", Integer.BYTES + Long.BYTES);
            for (int i = 0; i < count; i++) {
                array(key);
            }
            return new GgufValue.Nested();
        }
        var numbers = new double[count("numbers", 1)];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = number(key, type);
        }
        return new GgufValue.Numbers(numbers);
    }

    private double number(String key, int type) {
        return switch (type) {
            case 6 -> Float.intBitsToFloat(word());
            case 12 -> Double.longBitsToDouble(doubleWord());
            case 7 -> octet() != 0 ? 1 : 0;
            default -> whole(key, type);
        };
    }

    private GgufTexts texts() {
        var starts = new int[count("texts", Long.BYTES)];
        int from = at;
        for (int i = 0; i < starts.length; i++) {
            int length = count("characters", 1);
            starts[i] = advance(length) - from;
        }
        return new GgufTexts(Arrays.copyOfRange(head, from, at), starts);
    }

    private byte octet() {
        return head[advance(1)];
    }

    private int advance(int count) {
        int from = at;
        if (count > size - at) {
            throw GgufFile.truncated(file + ": its head goes on at byte " + ((long) at + count) + " of " + size);
        }
        if (count > head.length - at) {
            copy((long) at + count);
        }
        at += count;
        return from;
    }

    /** Copies more of the head, up to that byte at least. */
    private void copy(long end) {
        if (end > MOST_BYTES) {
            throw GgufFile.fault(file + ": its head has more than 2 GB; the file is corrupt");
        }
        int there = head.length;
        long wanted = Math.max(end, Math.max(FIRST_BYTES, 2L * there));
        head = Arrays.copyOf(head, (int) Math.min(wanted, Math.min(size, MOST_BYTES)));
        MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, there, head, there, head.length - there);
    }
}
