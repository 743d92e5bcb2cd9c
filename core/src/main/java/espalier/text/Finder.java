package espalier.text;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the delimiters at which a text is split. */
sealed interface Finder {
    /** Adds the matches in {@code text[from, to)} to spans; the caller has reset them and ends them. */
    void find(char[] text, int from, int to, Spans spans);

    /** A pattern that matches every text without gaps. */
    record Words(WordScanner scanner) implements Finder {
        @Override
        public void find(char[] text, int from, int to, Spans spans) {
            for (int i = from; i < to; ) {
                int end = scanner.end(text, i, to);
                spans.match(i, end);
                i = end;
            }
        }
    }

    /** Each character of a class is a match of its own. */
    record OneOf(CharClass members) implements Finder {
        @Override
        public void find(char[] text, int from, int to, Spans spans) {
            for (int i = from; i < to; ) {
                int c = Chars.codePoint(text, i, to);
                int end = i + Character.charCount(c);
                if (members.contains(c)) {
                    spans.match(i, end);
                }
                i = end;
            }
        }
    }

    /** Runs of word characters, and runs of what is neither word nor space: {@code \w+|[^\w\s]+}. */
    record WordsAndSymbols() implements Finder {
        @Override
        public void find(char[] text, int from, int to, Spans spans) {
            int start = from;
            int kind = 0;
            for (int i = from; i < to; ) {
                int c = Chars.codePoint(text, i, to);
                int next = Chars.isWord(c) ? 1 : Chars.isWhitespace(c) ? 0 : 2;
                if (next != kind) {
                    if (kind != 0) {
                        spans.match(start, i);
                    }
                    start = i;
                    kind = next;
                }
                i += Character.charCount(c);
            }
            if (kind != 0) {
                spans.match(start, to);
            }
        }
    }

    /** Every place where a fixed text stands; an empty one stands between any two characters. */
    record Literal(String literal) implements Finder {
        @Override
        public void find(char[] text, int from, int to, Spans spans) {
            if (literal.isEmpty()) {
                for (int i = from; i < to; i += Character.charCount(Chars.codePoint(text, i, to))) {
                    spans.match(i, i);
                }
                return;
            }
            for (int i = from; i + literal.length() <= to; ) {
                if (stands(text, i)) {
                    spans.match(i, i + literal.length());
                    i += literal.length();
                } else {
                    i++;
                }
            }
        }

        private boolean stands(char[] text, int at) {
            for (int i = 0; i < literal.length(); i++) {
                if (text[at + i] != literal.charAt(i)) {
                    return false;
                }
            }
            return true;
        }
    }

    /** Every match of a regular expression, looked for in the piece alone. */
    record Regex(Pattern pattern) implements Finder {
        @Override
        public void find(char[] text, int from, int to, Spans spans) {
            DeepRegex.run(() -> {
                spans.reset(from);
                Matcher matcher = pattern.matcher(new CharRange(text, from, to));
                while (matcher.find()) {
                    spans.match(from + matcher.start(), from + matcher.end());
                }
            });
        }
    }

    /** The sets of characters that components name. */
    sealed interface CharClass {
        boolean contains(int codePoint);

        record Single(int only) implements CharClass {
            @Override
            public boolean contains(int codePoint) {
                return codePoint == only;
            }
        }

        record Whitespace() implements CharClass {
            @Override
            public boolean contains(int codePoint) {
                return Chars.isWhitespace(codePoint);
            }
        }

        record Numeric() implements CharClass {
            @Override
            public boolean contains(int codePoint) {
                return Chars.isNumber(codePoint);
            }
        }

        record Punctuation() implements CharClass {
            @Override
            public boolean contains(int codePoint) {
                return Chars.isPunctuation(codePoint);
            }
        }
    }
}
