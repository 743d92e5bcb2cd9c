package espalier.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The added tokens beside a model's vocabulary, and the normalization between their two searches: tokens that are not
 * normalized are found in the text as it was written, the others in what normalization makes of the rest.
 */
final class AddedVocabulary {
    private final Vocabulary vocabulary;
    private final List<Normalizer> normalizers;
    private final Map<String, AddedToken> byContent = new LinkedHashMap<>();
    private final AddedTokens raw;
    private final AddedTokens normalized;
    /** By id: the added token, if the id has one. */
    private @Nullable AddedToken[] byId = new AddedToken[0];
    /** By id: what decoding starts from, which for a normalized token is its normalized spelling. */
    private @Nullable String[] decoded = new String[0];

    AddedVocabulary(Vocabulary vocabulary, List<Normalizer> normalizers, List<AddedToken> tokens) {
        this.vocabulary = vocabulary;
        this.normalizers = normalizers;
        int nextId = vocabulary.size();
        for (AddedToken token : tokens) {
            if (!token.content().isEmpty()) {
                int id = id(token.content());
                add(id >= 0 ? token.withId(id) : token.withId(nextId++));
            }
        }
        this.raw = search(false);
        this.normalized = search(true);
    }

    private void add(AddedToken token) {
        byContent.put(token.content(), token);
        if (token.id() >= byId.length) {
            int size = Math.max(token.id() + 1, vocabulary.limit());
            byId = Arrays.copyOf(byId, size);
            decoded = Arrays.copyOf(decoded, size);
        }
        byId[token.id()] = token;
        decoded[token.id()] = spelling(token);
    }

    private AddedTokens search(boolean inNormalized) {
        List<AddedToken> tokens = new ArrayList<>();
        List<String> spellings = new ArrayList<>();
        for (AddedToken token : byContent.values()) {
            if (token.normalized() == inNormalized) {
                tokens.add(token);
                spellings.add(spelling(token));
            }
        }
        return new AddedTokens(tokens, spellings);
    }

    private String spelling(AddedToken token) {
        if (!token.normalized()) {
            return token.content();
        }
        String text = token.content();
        for (Normalizer normalizer : normalizers) {
            text = normalizer.apply(text);
        }
        return text;
    }

    /** The token's id among the added tokens and the model's, or -1. */
    int id(String token) {
        AddedToken added = byContent.get(token);
        return added == null ? vocabulary.find(token) : added.id();
    }

    /** As in the vocabulary; null for an id that has no token. */
    @Nullable
    String token(int id) {
        AddedToken added = added(id);
        return added == null ? vocabulary.token(id) : added.content();
    }

    boolean isSpecial(int id) {
        AddedToken added = added(id);
        return added != null && added.special();
    }

    int limit() {
        return Math.max(byId.length, vocabulary.limit());
    }

    /** What decoding starts from; null for an id without a token and, if asked, for a special one. */
    @Nullable
    String decoded(int id, Specials specials) {
        if (specials == Specials.SKIP && isSpecial(id)) {
            return null;
        }
        String spelling = id >= 0 && id < decoded.length ? decoded[id] : null;
        return spelling == null ? vocabulary.token(id) : spelling;
    }

    private @Nullable AddedToken added(int id) {
        return id >= 0 && id < byId.length ? byId[id] : null;
    }

    /** Takes the pieces of a text that are no added token, and the ids of those that are, in their order. */
    interface Visitor {
        /** @param atStart the text begins where the user's text begins */
        void text(char[] text, int from, int to, boolean atStart);

        void token(int id);
    }

    /** @param plainSpecials special tokens are ordinary text */
    void walk(char[] text, boolean plainSpecials, Visitor visitor) {
        Segments segments = raw.cut(text, 0, text.length, plainSpecials);
        for (int i = 0; i < segments.count(); i++) {
            int from = segments.from(i);
            int to = segments.to(i);
            if (segments.id(i) != Segments.TEXT) {
                visitor.token(segments.id(i));
            } else if (normalizers.isEmpty()) {
                walkNormalized(text, from, to, from == 0, plainSpecials, visitor);
            } else {
                normalize(new String(text, from, to - from), from == 0, plainSpecials, visitor);
            }
        }
    }

    private void normalize(String text, boolean atStart, boolean plainSpecials, Visitor visitor) {
        String now = text;
        boolean first = atStart;
        for (Normalizer normalizer : normalizers) {
            first = first && !normalizer.dropsStart(now);
            now = normalizer.apply(now);
        }
        char[] chars = now.toCharArray();
        walkNormalized(chars, 0, chars.length, first, plainSpecials, visitor);
    }

    private void walkNormalized(
            char[] text, int from, int to, boolean atStart, boolean plainSpecials, Visitor visitor) {
        Segments segments = normalized.cut(text, from, to, plainSpecials);
        for (int i = 0; i < segments.count(); i++) {
            if (segments.id(i) == Segments.TEXT) {
                visitor.text(text, segments.from(i), segments.to(i), atStart && segments.from(i) == from);
            } else {
                visitor.token(segments.id(i));
            }
        }
    }
}
