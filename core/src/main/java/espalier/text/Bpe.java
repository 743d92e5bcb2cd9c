package espalier.text;

import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Byte pair encoding (Sennrich et al., 2016): a word starts as one symbol per character, and the pair of neighbours
 * whose merge has the lowest rank (of several the leftmost) becomes one symbol until no pair has a merge.
 *
 * <p>Words of up to {@value #SHORT} symbols look for the lowest rank anew each time, which needs no memory but three
 * arrays; longer ones keep a linked list and a heap, so that a megabyte without a space takes n log n steps.
 */
final class Bpe implements Model {
    private static final int SHORT = 40;

    private final Vocabulary vocabulary;
    private final MergeTable merges;
    private final BpeOptions options;
    /** The id of every one-char token, by its char; -1 where there is none. */
    private final int[] single;
    /** The ids of {@code <0x00>} to {@code <0xFF>}, or -1; null without byte fallback. */
    private final int @Nullable [] byteIds;

    private final int unknown;
    /** Null where symbols are not the text's characters, so that the text does not show what may be joined. */
    private final @Nullable Seams seams;

    Bpe(Vocabulary vocabulary, MergeTable merges, BpeOptions options) {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.options = options;
        this.single = new int[Character.MAX_VALUE + 1];
        Arrays.fill(single, -1);
        for (int id = 0; id < vocabulary.limit(); id++) {
            String token = vocabulary.token(id);
            if (token != null && token.length() == 1) {
                single[token.charAt(0)] = vocabulary.find(token);
            }
        }
        this.byteIds = options.byteFallback() ? ByteTokens.ids(vocabulary) : null;
        this.unknown = options.unknownToken() == null ? -1 : vocabulary.find(options.unknownToken());
        this.seams = options.affixed() ? null : merges.seams(vocabulary, substitutes());
    }

    @Override
    public Vocabulary vocabulary() {
        return vocabulary;
    }

    /** The tokens that stand for other characters than they are written in. */
    private BitSet substitutes() {
        BitSet ids = new BitSet();
        if (unknown >= 0) {
            ids.set(unknown);
        }
        if (byteIds != null) {
            Arrays.stream(byteIds).filter(id -> id >= 0).forEach(ids::set);
        }
        return ids;
    }

    /**
     * Where a word may be cut so that its parts give the ids that the whole gives: the first such place behind {@code
     * from}, or {@code to}. Meant for long words, since a word that is a token as a whole is looked up as a whole.
     */
    int cut(char[] text, int from, int to) {
        if (seams == null) {
            return to;
        }
        for (int i = from + 1; i < to; i++) {
            boolean known = single[text[i - 1]] >= 0 && single[text[i]] >= 0;
            if (known && !seams.isJoint(text[i - 1], text[i])) {
                return i;
            }
        }
        return to;
    }

    /** The id of a whole word that is looked up before it is taken apart, or -1. */
    int whole(char[] text, int from, int to) {
        return options.ignoreMerges() ? vocabulary.find(text, from, to) : -1;
    }

    @Override
    public void encode(char[] text, int from, int to, Ids out) {
        int whole = whole(text, from, to);
        if (whole >= 0) {
            out.add(whole);
            return;
        }
        encodePart(text, from, to, out);
    }

    /** As {@link #encode} for a part of a word: it is not looked up as a whole. */
    void encodePart(char[] text, int from, int to, Ids out) {
        int[] symbols = new int[to - from];
        int count;
        if (options.affixed()) {
            Ids ids = new Ids(to - from);
            affixedSymbols(text, from, to, ids);
            symbols = ids.copyFrom(0);
            count = symbols.length;
        } else {
            count = plainSymbols(text, from, to, symbols);
            if (count < 0) {
                Ids ids = new Ids(to - from);
                affixedSymbols(text, from, to, ids);
                symbols = ids.copyFrom(0);
                count = symbols.length;
            }
        }
        int merged = count <= SHORT ? mergeShort(symbols, count) : mergeLong(symbols, count);
        for (int i = 0; i < merged; i++) {
            out.add(symbols[i]);
        }
    }

    /** One symbol per character; -1 where some character has none of its own. */
    private int plainSymbols(char[] text, int from, int to, int[] symbols) {
        int count = 0;
        for (int i = from; i < to; i++) {
            char c = text[i];
            int id;
            if (Character.isHighSurrogate(c)) {
                id = vocabulary.find(text, i, i + 2);
                i++;
            } else {
                id = single[c];
            }
            if (id < 0) {
                return -1;
            }
            symbols[count++] = id;
        }
        return count;
    }

    /**
     * Symbols where a character may carry an affix, fall back to bytes or be unknown. That bytes come before an unknown
     * character which waits to be fused is the reference's order, and kept.
     */
    private void affixedSymbols(char[] text, int from, int to, Ids symbols) {
        boolean waiting = false;
        for (int i = from; i < to; ) {
            int end = i + Character.charCount(Chars.codePoint(text, i, to));
            String symbol = options.affix(new String(text, i, end - i), i == from, end == to);
            int id = vocabulary.find(symbol);
            i = end;
            if (id >= 0) {
                if (waiting) {
                    symbols.add(unknown);
                    waiting = false;
                }
                symbols.add(id);
            } else if (!spelled(symbol, symbols) && unknown >= 0) {
                if (waiting && !options.fuseUnknown()) {
                    symbols.add(unknown);
                }
                waiting = true;
            }
        }
        if (waiting) {
            symbols.add(unknown);
        }
    }

    private boolean spelled(String symbol, Ids symbols) {
        return byteIds != null && ByteTokens.append(symbol, byteIds, symbols);
    }

    private int mergeShort(int[] symbols, int size) {
        if (size < 2) {
            return size;
        }
        long[] pairs = new long[size];
        int count = size;
        for (int i = 0; i + 1 < count; i++) {
            pairs[i] = merges.find(symbols[i], symbols[i + 1]);
        }
        pairs[count - 1] = MergeTable.NONE;
        while (true) {
            int best = 0;
            for (int i = 1; i < count; i++) {
                best = pairs[i] < pairs[best] ? i : best;
            }
            if (pairs[best] == MergeTable.NONE) {
                return count;
            }
            symbols[best] = (int) pairs[best];
            count--;
            for (int i = best + 1; i < count; i++) {
                symbols[i] = symbols[i + 1];
                pairs[i] = pairs[i + 1];
            }
            pairs[best] = best + 1 < count ? merges.find(symbols[best], symbols[best + 1]) : MergeTable.NONE;
            if (best > 0) {
                pairs[best - 1] = merges.find(symbols[best - 1], symbols[best]);
            }
        }
    }

    private int mergeLong(int[] symbols, int count) {
        return new LongWord(symbols, count, merges).merge();
    }
}
