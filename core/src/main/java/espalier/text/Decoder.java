package espalier.text;

import java.util.List;

/**
 * One step of decoding. Each is defined on the whole list of tokens and runs as a stream, so that decoding at once and
 * token by token are the same code.
 */
sealed interface Decoder {
    /** A fresh run of this step, which passes its output to {@code next}. */
    TokenSink open(TokenSink next);

    /** Opens all steps of a list, the first outermost. */
    static TokenSink open(List<Decoder> decoders, TokenSink last) {
        TokenSink sink = last;
        for (int i = decoders.size() - 1; i >= 0; i--) {
            sink = decoders.get(i).open(sink);
        }
        return sink;
    }

    /** Reads tokens as bytes in the byte-level alphabet; the list becomes one token. */
    record ByteLevel() implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.Bytes(next);
        }
    }

    /** Reads tokens like {@code <0x0A>} as bytes; a run of them that is not UTF-8 becomes one U+FFFD a byte. */
    record ByteFallback() implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.FallbackBytes(next);
        }
    }

    /** Joins the list into one token. */
    record Fuse() implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.Fused(next);
        }
    }

    /** Removes up to so many of a character from the start and end of each token. */
    record Strip(int character, int start, int stop) implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.Stripped(next, this);
        }

        /** One token by itself. */
        String text(String token) {
            StringBuilder text = new StringBuilder();
            TokenSink run = open(new Detokenizer.Tail(text));
            run.part(token);
            run.endToken();
            return text.toString();
        }
    }

    /** Replaces every match in each token. */
    record Replace(Finder finder, String content) implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            Normalizer.Replace replace = new Normalizer.Replace(finder, content);
            return new DecoderRuns.Mapped(next, (token, first) -> replace.apply(token));
        }
    }

    /** Writes spaces for the visible character; in the first token they are dropped if one was put in front. */
    record Metaspace(String replacement, boolean prepended) implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.Mapped(
                    next, (token, first) -> token.replace(replacement, first && prepended ? "" : " "));
        }
    }

    /** Joins continuing pieces to the word before and puts a space before all others. */
    record WordPiece(String prefix, boolean cleanup) implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.Mapped(next, this::text);
        }

        String text(String token, boolean first) {
            String text = first ? token : token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
            return cleanup ? cleaned(text) : text;
        }

        /** Undoes the spaces that tokenizing English leaves before punctuation and contractions. */
        static String cleaned(String text) {
            return text.replace(" .", ".")
                    .replace(" ?", "?")
                    .replace(" !", "!")
                    .replace(" ,", ",")
                    .replace(" ' ", "'")
                    .replace(" n't", "n't")
                    .replace(" 'm", "'m")
                    .replace(" do not", " don't")
                    .replace(" 's", "'s")
                    .replace(" 've", "'ve")
                    .replace(" 're", "'re");
        }
    }

    /** Writes a space for the suffix that ends a word, except in the last token. */
    record WordSuffix(String suffix) implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.Suffixed(next, suffix);
        }
    }

    /** Connectionist temporal classification: repeated tokens count once, padding vanishes. */
    record Ctc(String padding, String wordDelimiter, boolean cleanup) implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.Deduplicated(next, this);
        }

        String text(String token) {
            String text = token.replace(padding, "");
            return cleanup ? WordPiece.cleaned(text).replace(wordDelimiter, " ") : text;
        }
    }

    /** What happens where a tokenizer names no decoder: a space between any two tokens. */
    record SpaceBetween() implements Decoder {
        @Override
        public TokenSink open(TokenSink next) {
            return new DecoderRuns.Mapped(next, (token, first) -> first ? token : " " + token);
        }
    }
}
