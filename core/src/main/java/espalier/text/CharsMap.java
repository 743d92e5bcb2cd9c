package espalier.text;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.text.BreakIterator;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * SentencePiece's precompiled normalization rules: a double-array trie over UTF-8 (the layout of darts-clone: one
 * 32-bit unit a node) whose values are offsets into a pool of replacement texts that end in zero.
 *
 * <p>A grapheme of fewer than six bytes is looked up as a whole, any other character by character. As in the reference
 * the shortest rule that the looked-up text begins with decides, and replaces all of it.
 */
final class CharsMap {
    private static final int WHOLE_GRAPHEME_BYTES = 6;

    private final int[] units;
    private final byte[] pool;

    private CharsMap(int[] units, byte[] pool) {
        this.units = units;
        this.pool = pool;
    }

    /** @throws IllegalArgumentException if the lengths do not fit */
    static CharsMap of(byte[] compiled) {
        if (compiled.length < 4) {
            throw new IllegalArgumentException("it has " + compiled.length + " bytes");
        }
        ByteBuffer buffer = ByteBuffer.wrap(compiled).order(ByteOrder.LITTLE_ENDIAN);
        int trieBytes = buffer.getInt();
        if (trieBytes < 4 || trieBytes % 4 != 0 || trieBytes > buffer.remaining()) {
            throw new IllegalArgumentException(
                    "it says that " + trieBytes + " of its " + compiled.length + " bytes are a trie");
        }
        int[] units = new int[trieBytes / 4];
        buffer.asIntBuffer().get(units);
        return new CharsMap(units, Arrays.copyOfRange(compiled, 4 + trieBytes, compiled.length));
    }

    String apply(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        BreakIterator graphemes = null;
        int at = 0;
        while (at < text.length()) {
            int end = at + 1;
            boolean simple = text.charAt(at) < 0x80
                    && text.charAt(at) != '\r'
                    && (end == text.length() || text.charAt(end) < 0x80);
            if (!simple) {
                if (graphemes == null) {
                    graphemes = BreakIterator.getCharacterInstance(Locale.ROOT);
                    graphemes.setText(text);
                }
                end = graphemes.following(at);
            }
            append(text.substring(at, end), out);
            at = end;
        }
        return out.toString();
    }

    private void append(String grapheme, StringBuilder out) {
        byte[] bytes = grapheme.getBytes(StandardCharsets.UTF_8);
        String whole = bytes.length < WHOLE_GRAPHEME_BYTES ? replacement(bytes) : null;
        if (whole != null) {
            out.append(whole);
            return;
        }
        for (int i = 0; i < grapheme.length(); ) {
            String character = Character.toString(grapheme.codePointAt(i));
            String replacement = replacement(character.getBytes(StandardCharsets.UTF_8));
            out.append(replacement == null ? character : replacement);
            i += character.length();
        }
    }

    private @Nullable String replacement(byte[] key) {
        int node = offset(units[0]);
        for (byte b : key) {
            node ^= b & 0xFF;
            if (b == 0 || node >= units.length) {
                return null;
            }
            int unit = units[node];
            if (label(unit) != (b & 0xFF)) {
                return null;
            }
            node ^= offset(unit);
            if ((unit >>> 8 & 1) == 1) {
                return pooled(node < units.length ? units[node] & 0x7FFFFFFF : pool.length);
            }
        }
        return null;
    }

    private String pooled(int from) {
        int to = Math.min(from, pool.length);
        int start = to;
        while (to < pool.length && pool[to] != 0) {
            to++;
        }
        return new String(pool, start, to - start, StandardCharsets.UTF_8);
    }

    private static int offset(int unit) {
        return unit >>> 10 << ((unit & 1 << 9) >>> 6);
    }

    private static int label(int unit) {
        return unit & (1 << 31 | 0xFF);
    }
}
