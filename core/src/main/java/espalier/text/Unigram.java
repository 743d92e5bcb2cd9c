package espalier.text;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The unigram language model (Kudo, 2018): of all ways to cut a text into tokens the one whose scores
 * (log-probabilities) have the greatest sum, by Viterbi over the ends of tokens. A character without a token of its
 * own counts as unknown with the lowest score less 10; unknown characters in a row become one.
 */
final class Unigram implements Model {
    private static final double UNKNOWN_PENALTY = 10.0;

    private final Vocabulary vocabulary;
    private final double[] scores;
    private final int unknown;
    private final int @Nullable [] byteIds;
    private final double unknownScore;
    private final CharTrie trie = new CharTrie();

    /**
     * @param scores by id
     * @param unknown the unknown token's id, or -1
     */
    Unigram(Vocabulary vocabulary, double[] scores, int unknown, boolean byteFallback) {
        this.vocabulary = vocabulary;
        this.scores = scores;
        this.unknown = unknown;
        this.byteIds = byteFallback ? ByteTokens.ids(vocabulary) : null;
        this.unknownScore = Arrays.stream(scores).min().orElse(0) - UNKNOWN_PENALTY;
        for (int id = 0; id < vocabulary.limit(); id++) {
            String token = vocabulary.token(id);
            if (token != null) {
                trie.put(token, vocabulary.find(token));
            }
        }
    }

    @Override
    public Vocabulary vocabulary() {
        return vocabulary;
    }

    @Override
    public void encode(char[] text, int from, int to, Ids out) {
        int length = to - from;
        double[] best = new double[length + 1];
        int[] start = new int[length + 1];
        int[] token = new int[length + 1];
        Arrays.fill(start, -1);
        for (int i = 0; i < length; ) {
            int character = Character.charCount(Chars.codePoint(text, from + i, to));
            boolean alone = false;
            int node = trie.root();
            for (int end = i; end < length; ) {
                node = trie.child(node, text[from + end++]);
                if (node < 0) {
                    break;
                }
                int id = trie.value(node);
                if (id >= 0) {
                    alone |= end - i == character;
                    double score = scores[id] + best[i];
                    if (start[end] < 0 || score > best[end]) {
                        best[end] = score;
                        start[end] = i;
                        token[end] = id;
                    }
                }
            }
            int end = i + character;
            if (!alone && (start[end] < 0 || unknownScore + best[i] > best[end])) {
                best[end] = unknownScore + best[i];
                start[end] = i;
                token[end] = unknown;
            }
            i = end;
        }
        append(text, from, start, token, out);
    }

    private void append(char[] text, int from, int[] start, int[] token, Ids out) {
        int[] ends = new int[start.length];
        int count = 0;
        for (int end = start.length - 1; end > 0; end = start[end]) {
            ends[count++] = end;
        }
        for (int i = count - 1; i >= 0; i--) {
            int first = start[ends[i]];
            int id = token[ends[i]];
            if (id != unknown) {
                out.add(id);
                continue;
            }
            while (i > 0 && token[ends[i - 1]] == unknown) {
                i--;
            }
            appendUnknown(new String(text, from + first, ends[i] - first), out);
        }
    }

    /** The fused text may spell a token after all; else its bytes, else the unknown token. */
    private void appendUnknown(String text, Ids out) {
        int id = vocabulary.find(text);
        if (id >= 0) {
            out.add(id);
        } else if (byteIds == null || !ByteTokens.append(text, byteIds, out)) {
            if (unknown < 0) {
                throw espalier.api.RequestRejected.invalid(
                        "input", "the tokenizer has no token for '" + text + "' and no unknown token");
            }
            out.add(unknown);
        }
    }
}
