package espalier.text;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds added tokens in a text: leftmost first, of those the longest, none overlapping. */
final class AddedTokens {
    private final Map<Integer, AddedToken> byId = new HashMap<>();
    private final CharTrie trie = new CharTrie();
    private final boolean[] starts = new boolean[Character.MAX_VALUE + 1];

    /** @param spellings of the tokens, in their order, as they stand in the text to be searched */
    AddedTokens(List<AddedToken> tokens, List<String> spellings) {
        for (int i = 0; i < tokens.size(); i++) {
            String spelling = spellings.get(i);
            if (!spelling.isEmpty()) {
                byId.put(tokens.get(i).id(), tokens.get(i));
                trie.put(spelling, tokens.get(i).id());
                starts[spelling.charAt(0)] = true;
            }
        }
    }

    /**
     * Cuts {@code text[from, to)} at the tokens found.
     *
     * @param plainSpecials special tokens are ordinary text
     */
    Segments cut(char[] text, int from, int to, boolean plainSpecials) {
        Segments segments = new Segments();
        int covered = from;
        int at = byId.isEmpty() ? to : from;
        while (at < to) {
            if (!starts[text[at]]) {
                at++;
                continue;
            }
            int end = longestMatch(text, at, to);
            if (end < 0) {
                at++;
                continue;
            }
            AddedToken token = tokenAt(text, at, end);
            int start = at;
            at = end;
            if (token == null
                    || (plainSpecials && token.special())
                    || (token.singleWord() && inWord(text, from, to, start, end))) {
                continue;
            }
            if (token.leftStrip()) {
                start = Math.max(spacesBefore(text, from, start), covered);
            }
            if (token.rightStrip()) {
                end = spacesAfter(text, end, to);
            }
            segments.add(covered, start, Segments.TEXT);
            segments.add(start, end, token.id());
            covered = end;
        }
        segments.add(covered, to, Segments.TEXT);
        return segments;
    }

    private int longestMatch(char[] text, int from, int to) {
        int longest = -1;
        int node = trie.root();
        for (int i = from; i < to; i++) {
            node = trie.child(node, text[i]);
            if (node < 0) {
                break;
            }
            longest = trie.value(node) >= 0 ? i + 1 : longest;
        }
        return longest;
    }

    private @Nullable AddedToken tokenAt(char[] text, int from, int to) {
        int node = trie.root();
        for (int i = from; i < to; i++) {
            node = trie.child(node, text[i]);
        }
        return byId.get(trie.value(node));
    }

    private static boolean inWord(char[] text, int from, int to, int start, int end) {
        return (start > from && Chars.isWord(Character.codePointBefore(text, start, from)))
                || (end < to && Chars.isWord(Chars.codePoint(text, end, to)));
    }

    private static int spacesBefore(char[] text, int from, int end) {
        int i = end;
        while (i > from && Chars.isWhitespace(text[i - 1])) {
            i--;
        }
        return i;
    }

    private static int spacesAfter(char[] text, int start, int to) {
        int i = start;
        while (i < to && Chars.isWhitespace(text[i])) {
            i++;
        }
        return i;
    }
}
