package espalier.text;

import java.util.List;

/**
 * A tokenizer given as lists, as GGUF files carry it: tokens by id, what each is for, and how words come apart.
 * {@link Tokenizer#of} makes one of it that gives the ids of the {@code tokenizer.json} from which the lists were made.
 */
public sealed interface TokenList {

    /** What a token is for. */
    enum Kind {
        NORMAL,
        /** Stands for what has no token. */
        UNKNOWN,
        /** Guides the model and is no text. */
        CONTROL,
        /** Found in the text before it is taken apart, and text itself. */
        USER_DEFINED
    }

    /** Where the lists come from, for messages. */
    String source();

    List<String> tokens();

    /** By id. */
    Kind[] kinds();

    /** Whether a text begins with a beginning-of-text unless its file says otherwise. */
    boolean beginsWithBos();

    /**
     * Byte-level BPE.
     *
     * @param merges each a pair of tokens with a space between them, the first to be applied first
     * @param words names the way in which a text comes apart into words: llama.cpp's {@code tokenizer.ggml.pre}
     */
    record ByteLevel(String source, List<String> tokens, Kind[] kinds, List<String> merges, String words)
            implements TokenList {
        @Override
        public boolean beginsWithBos() {
            return ListedTokenizer.Words.of(this).bosFirst();
        }
    }

    /**
     * SentencePiece BPE: of two neighbours that make a token the pair goes first whose token has the highest score. What has
     * no token is spelled in byte tokens.
     *
     * @param spaceFirst a text gets a space before it
     */
    record Scored(String source, List<String> tokens, Kind[] kinds, double[] scores, boolean spaceFirst)
            implements TokenList {
        @Override
        public boolean beginsWithBos() {
            return true;
        }
    }
}
