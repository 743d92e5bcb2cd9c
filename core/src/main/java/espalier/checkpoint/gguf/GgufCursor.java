package espalier.checkpoint.gguf;

import espalier.api.EngineFault;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;

/** Reads the head of a GGUF file in order; a file that ends too early is named. */
final class GgufCursor {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int TEXT = 8;
    private static final int ARRAY = 9;

    private final String file;
    private final MemorySegment bytes;
    private long at;

    GgufCursor(String file, MemorySegment bytes) {
        this.file = file;
        this.bytes = bytes;
    }

    long position() {
        return at;
    }

    int word() {
        return bytes.get(INT, advance(Integer.BYTES));
    }

    long doubleWord() {
        return bytes.get(LONG, advance(Long.BYTES));
    }

    /** How many of something that takes {@code leastBytes} each at least: a larger number cannot be in the file. */
    int count(String what, int leastBytes) {
        long count = doubleWord();
        if (count < 0 || count > (bytes.byteSize() - at) / leastBytes || count > Integer.MAX_VALUE - 16) {
            throw GgufFile.truncated(file + ": " + Long.toUnsignedString(count) + " " + what + " do not fit into the "
                    + bytes.byteSize() + " bytes of the file");
        }
        return (int) count;
    }

    String text() {
        int length = count("characters", 1);
        byte[] utf8 = bytes.asSlice(advance(length), length).toArray(ValueLayout.JAVA_BYTE);
        return new String(utf8, StandardCharsets.UTF_8);
    }

    /** A value, whose type stands before it. */
    GgufValue value(String key) {
        return value(key, word());
    }

    private GgufValue value(String key, int type) {
        return switch (type) {
            case 6 -> new GgufValue.Real(Float.intBitsToFloat(word()));
            case 12 -> new GgufValue.Real(Double.longBitsToDouble(doubleWord()));
            case 7 -> new GgufValue.Flag(bytes.get(ValueLayout.JAVA_BYTE, advance(1)) != 0);
            case TEXT -> new GgufValue.Text(text());
            case ARRAY -> array(key);
            default -> new GgufValue.Whole(whole(key, type));
        };
    }

    private long whole(String key, int type) {
        return switch (type) {
            case 0 -> bytes.get(ValueLayout.JAVA_BYTE, advance(1)) & 0xff;
            case 1 -> bytes.get(ValueLayout.JAVA_BYTE, advance(1));
            case 2 -> bytes.get(SHORT, advance(2)) & 0xffff;
            case 3 -> bytes.get(SHORT, advance(2));
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
            int count = count("texts", Long.BYTES);
            var texts = new ArrayList<String>(count);
            for (int i = 0; i < count; i++) {
                texts.add(text());
            }
            return new GgufValue.Texts(texts);
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
            numbers[i] = switch (value(key, type)) {
                case GgufValue.Real(double real) -> real;
                case GgufValue.Whole(long whole) -> whole;
                case GgufValue.Flag(boolean flag) -> flag ? 1 : 0;
                case GgufValue.Text _, GgufValue.Texts _, GgufValue.Numbers _, GgufValue.Nested _ ->
                    throw unknownType(key, type);
            };
        }
        return new GgufValue.Numbers(numbers);
    }

    private long advance(long count) {
        long from = at;
        if (count > bytes.byteSize() - at) {
            throw GgufFile.truncated(file + ": its head goes on at byte " + (at + count) + " of " + bytes.byteSize());
        }
        at += count;
        return from;
    }
}
