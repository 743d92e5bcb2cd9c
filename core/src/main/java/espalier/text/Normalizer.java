package espalier.text;

/** One step of normalization. A sequence of components is a list of such steps. */
sealed interface Normalizer {
    String apply(String text);

    /** Whether the step removes what the text begins with, so that its output begins somewhere behind the start. */
    default boolean dropsStart(String text) {
        return false;
    }

    /** Unicode's normal forms. */
    record Form(java.text.Normalizer.Form form) implements Normalizer {
        @Override
        public String apply(String text) {
            return CombiningRuns.normalize(text, form);
        }
    }

    /** Lower case character by character, without regard to context or language. */
    record Lowercase() implements Normalizer {
        @Override
        public String apply(String text) {
            StringBuilder out = new StringBuilder(text.length());
            for (int i = 0; i < text.length(); ) {
                int c = text.codePointAt(i);
                i += Character.charCount(c);
                if (c == 0x130) {
                    out.append("i\u0307");
                } else {
                    out.appendCodePoint(Character.toLowerCase(c));
                }
            }
            return out.toString();
        }
    }

    /** Removes whitespace at the ends. */
    record Strip(boolean left, boolean right) implements Normalizer {
        @Override
        public String apply(String text) {
            int from = 0;
            int to = text.length();
            while (left && from < to && Chars.isWhitespace(text.charAt(from))) {
                from++;
            }
            while (right && to > from && Chars.isWhitespace(text.charAt(to - 1))) {
                to--;
            }
            return text.substring(from, to);
        }

        @Override
        public boolean dropsStart(String text) {
            return left && !text.isEmpty() && Chars.isWhitespace(text.charAt(0));
        }
    }

    /** Replaces every match. */
    record Replace(Finder finder, String content) implements Normalizer {
        @Override
        public String apply(String text) {
            char[] chars = text.toCharArray();
            Spans spans = new Spans();
            spans.reset(0);
            finder.find(chars, 0, chars.length, spans);
            spans.end(chars.length);
            StringBuilder out = new StringBuilder(chars.length);
            for (int i = 0; i < spans.count(); i++) {
                if (spans.matched(i)) {
                    out.append(content);
                } else {
                    out.append(chars, spans.from(i), spans.to(i) - spans.from(i));
                }
            }
            return out.toString();
        }

        @Override
        public boolean dropsStart(String text) {
            char[] chars = text.toCharArray();
            Spans spans = new Spans();
            spans.reset(0);
            finder.find(chars, 0, chars.length, spans);
            return spans.count() > 0
                    && spans.matched(0)
                    && spans.from(0) == 0
                    && text.codePointCount(0, spans.to(0)) > (content.isEmpty() ? 0 : 1);
        }
    }

    /** Puts a text before one that is not empty. */
    record Prepend(String prefix) implements Normalizer {
        @Override
        public String apply(String text) {
            return text.isEmpty() ? text : prefix + text;
        }
    }

    /** Puts a text behind one that is not empty. */
    record Append(String suffix) implements Normalizer {
        @Override
        public String apply(String text) {
            return text.isEmpty() ? text : text + suffix;
        }
    }

    /** Writes every byte as its character of the byte-level alphabet. */
    record ByteMap() implements Normalizer {
        @Override
        public String apply(String text) {
            char[] out = new char[3 * text.length()];
            return new String(out, 0, ByteAlphabet.map(text.toCharArray(), 0, text.length(), out, 0));
        }
    }

    /** SentencePiece's compiled rules. */
    record Precompiled(CharsMap rules) implements Normalizer {
        @Override
        public String apply(String text) {
            return rules.apply(text);
        }
    }

    /** Spaces on both sides of every character of the CJK ideograph blocks. */
    record SpacesAroundIdeographs() implements Normalizer {
        @Override
        public String apply(String text) {
            StringBuilder out = new StringBuilder(text.length() + 16);
            text.codePoints().forEach(c -> {
                if (isIdeograph(c)) {
                    out.append(' ').appendCodePoint(c).append(' ');
                } else {
                    out.appendCodePoint(c);
                }
            });
            return out.toString();
        }

        private static boolean isIdeograph(int c) {
            return (c >= 0x3400 && c <= 0x4DBF)
                    || (c >= 0x4E00 && c <= 0x9FFF)
                    || (c >= 0xF900 && c <= 0xFAFF)
                    || (c >= 0x20000 && c <= 0x2A6DF)
                    || (c >= 0x2A700 && c <= 0x2B73F)
                    || (c >= 0x2B740 && c <= 0x2B81F)
                    || (c >= 0x2B920 && c <= 0x2CEAF)
                    || (c >= 0x2F800 && c <= 0x2FA1F);
        }
    }

    /** Removes some characters and maps others, one by one. */
    record Sieve(CharacterRule rule) implements Normalizer {
        @Override
        public String apply(String text) {
            StringBuilder out = new StringBuilder(text.length());
            for (int i = 0; i < text.length(); ) {
                int c = text.codePointAt(i);
                int kept = rule.map(c);
                if (kept >= 0) {
                    out.appendCodePoint(kept);
                }
                i += Character.charCount(c);
            }
            return out.toString();
        }

        @Override
        public boolean dropsStart(String text) {
            return !text.isEmpty() && rule.map(text.codePointAt(0)) < 0;
        }
    }

    /** The rules that {@link Sieve} knows. */
    enum CharacterRule {
        /** BERT's cleaning: control characters go, every kind of whitespace becomes a space. */
        BERT_CLEAN {
            @Override
            int map(int c) {
                if (c == '\t' || c == '\n' || c == '\r') {
                    return ' ';
                }
                if (c == 0 || c == 0xFFFD || isOther(c)) {
                    return DROPPED;
                }
                return Chars.isWhitespace(c) ? ' ' : c;
            }
        },
        /** Nonspacing marks go. */
        STRIP_NONSPACING {
            @Override
            int map(int c) {
                return Chars.isNonspacingMark(c) ? DROPPED : c;
            }
        },
        /** All marks go. */
        STRIP_MARKS {
            @Override
            int map(int c) {
                return Chars.isMark(c) ? DROPPED : c;
            }
        },
        /** The cleaning of Google's NMT systems. */
        NMT {
            @Override
            int map(int c) {
                if ((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F) {
                    return DROPPED;
                }
                boolean blank = c == 9
                        || c == 0xA
                        || c == 0xC
                        || c == 0xD
                        || c == 0x1680
                        || (c >= 0x200B && c <= 0x200F)
                        || c == 0x2028
                        || c == 0x2029
                        || c == 0x2581
                        || c == 0xFEFF
                        || c == 0xFFFD;
                return blank ? ' ' : c;
            }
        };

        static final int DROPPED = -1;

        /** What stands for the character, or {@link #DROPPED}. */
        abstract int map(int c);

        private static boolean isOther(int c) {
            int type = Character.getType(c);
            return type == Character.CONTROL || type == Character.FORMAT || type == Character.PRIVATE_USE;
        }
    }
}
