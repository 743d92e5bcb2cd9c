package espalier.text;

import java.util.Arrays;

/** One step of pre-tokenization: splits or rewrites pieces. A sequence of components is a list of such steps. */
sealed interface PreTokenizer {
    Pieces apply(Pieces pieces);

    /** Splits at the matches of a pattern, or (inverted) at what lies between them. */
    record Split(Finder finder, SplitBehavior behavior, boolean invert) implements PreTokenizer {
        @Override
        public Pieces apply(Pieces pieces) {
            Pieces out = Pieces.splitting(pieces, 2 * pieces.count());
            boolean keepsMatches = behavior == SplitBehavior.ISOLATED || (behavior == SplitBehavior.REMOVED && invert);
            Spans spans = new Spans();
            for (int p = 0; p < pieces.count(); p++) {
                if (keepsMatches && finder instanceof Finder.Words words) {
                    split(words.scanner(), pieces.text(), pieces.from(p), pieces.to(p), out);
                    continue;
                }
                spans.reset(pieces.from(p));
                finder.find(pieces.text(), pieces.from(p), pieces.to(p), spans);
                spans.end(pieces.to(p));
                if (invert) {
                    spans.invert();
                }
                behavior.apply(spans, out);
            }
            return out.after(pieces);
        }

        private static void split(WordScanner scanner, char[] text, int from, int to, Pieces out) {
            for (int i = from; i < to; ) {
                int end = scanner.end(text, i, to);
                out.add(i, end);
                i = end;
            }
        }
    }

    /** Puts a space before every piece that does not begin with one. */
    record PrefixSpace() implements PreTokenizer {
        @Override
        public Pieces apply(Pieces pieces) {
            Rewriter out = new Rewriter(pieces);
            for (int p = 0; p < pieces.count(); p++) {
                if (pieces.text()[pieces.from(p)] != ' ') {
                    out.append(' ');
                }
                out.append(pieces.text(), pieces.from(p), pieces.to(p));
                out.endPiece();
            }
            return out.pieces();
        }
    }

    /** Writes every byte as its character of the byte-level alphabet. */
    record ByteMap() implements PreTokenizer {
        @Override
        public Pieces apply(Pieces pieces) {
            Rewriter out = new Rewriter(pieces);
            for (int p = 0; p < pieces.count(); p++) {
                out.appendBytes(pieces.text(), pieces.from(p), pieces.to(p));
                out.endPiece();
            }
            return out.pieces();
        }
    }

    /** Writes a visible character for each space, and puts one in front as the scheme says. */
    record Metaspace(String replacement, PrependScheme scheme) implements PreTokenizer {
        @Override
        public Pieces apply(Pieces pieces) {
            Rewriter out = new Rewriter(pieces);
            char[] text = pieces.text();
            for (int p = 0; p < pieces.count(); p++) {
                if (prepends(pieces, p)) {
                    out.append(replacement);
                }
                int from = pieces.from(p);
                for (int i = from; i < pieces.to(p); i++) {
                    if (text[i] == ' ') {
                        out.append(text, from, i);
                        out.append(replacement);
                        from = i + 1;
                    }
                }
                out.append(text, from, pieces.to(p));
                out.endPiece();
            }
            return out.pieces();
        }

        private boolean prepends(Pieces pieces, int p) {
            char first = pieces.text()[pieces.from(p)];
            if (first == ' ' || startsWithReplacement(pieces, p)) {
                return false;
            }
            return switch (scheme) {
                case ALWAYS -> true;
                case FIRST -> p == 0 && pieces.atStart();
                case NEVER -> false;
            };
        }

        private boolean startsWithReplacement(Pieces pieces, int p) {
            return pieces.to(p) - pieces.from(p) >= replacement.length()
                    && replacement.contentEquals(
                            new CharRange(pieces.text(), pieces.from(p), pieces.from(p) + replacement.length()));
        }
    }

    /**
     * Splits where the script changes; the Japanese syllabaries count as Han, and a space belongs to what is before
     * it.
     */
    record Scripts() implements PreTokenizer {
        @Override
        public Pieces apply(Pieces pieces) {
            Pieces out = Pieces.splitting(pieces, 2 * pieces.count());
            for (int p = 0; p < pieces.count(); p++) {
                split(pieces.text(), pieces.from(p), pieces.to(p), out);
            }
            return out.after(pieces);
        }

        private static void split(char[] text, int from, int to, Pieces out) {
            Character.UnicodeScript last = Character.UnicodeScript.UNKNOWN;
            int start = -1;
            for (int i = from; i < to; ) {
                int c = Chars.codePoint(text, i, to);
                Character.UnicodeScript script = script(c);
                if (script != Character.UnicodeScript.UNKNOWN && script != last) {
                    if (start >= 0) {
                        out.add(start, i);
                    }
                    start = i;
                    last = script;
                }
                i += Character.charCount(c);
            }
            // What stands before the first character with a script is dropped, as in the reference.
            if (start >= 0) {
                out.add(start, to);
            }
        }

        /** The script, UNKNOWN for a character that may stand in any. */
        private static Character.UnicodeScript script(int c) {
            if (c == ' ') {
                return Character.UnicodeScript.UNKNOWN;
            }
            Character.UnicodeScript script = Character.UnicodeScript.of(c);
            boolean syllabary =
                    script == Character.UnicodeScript.HIRAGANA || script == Character.UnicodeScript.KATAKANA;
            return c == 0x30FC || syllabary ? Character.UnicodeScript.HAN : script;
        }
    }

    /** Cuts pieces of a fixed number of characters; the last may be shorter. */
    record FixedLength(int characters) implements PreTokenizer {
        @Override
        public Pieces apply(Pieces pieces) {
            Pieces out = Pieces.splitting(pieces, 2 * pieces.count());
            for (int p = 0; p < pieces.count(); p++) {
                int start = pieces.from(p);
                int n = 0;
                for (int i = start;
                        i < pieces.to(p);
                        i += Character.charCount(Chars.codePoint(pieces.text(), i, pieces.to(p)))) {
                    if (n++ == characters) {
                        out.add(start, i);
                        start = i;
                        n = 1;
                    }
                }
                out.add(start, pieces.to(p));
            }
            return out.after(pieces);
        }
    }

    /** Where {@link Metaspace} puts its character in front. */
    enum PrependScheme {
        /** Only at the start of the text. */
        FIRST,
        NEVER,
        /** Before every piece. */
        ALWAYS
    }

    /** Collects a rewritten text and its pieces. */
    final class Rewriter {
        private final Pieces source;
        private char[] text;
        private int length;
        private final Ids ends;

        private Rewriter(Pieces source) {
            this.source = source;
            int chars = 0;
            for (int p = 0; p < source.count(); p++) {
                chars += source.to(p) - source.from(p) + 1;
            }
            text = new char[chars];
            ends = new Ids(source.count());
        }

        private void append(char c) {
            reserve(1);
            text[length++] = c;
        }

        private void append(String s) {
            reserve(s.length());
            s.getChars(0, s.length(), text, length);
            length += s.length();
        }

        private void append(char[] from, int start, int end) {
            reserve(end - start);
            System.arraycopy(from, start, text, length, end - start);
            length += end - start;
        }

        private void appendBytes(char[] from, int start, int end) {
            reserve(3 * (end - start));
            length = ByteAlphabet.map(from, start, end, text, length);
        }

        private void endPiece() {
            ends.add(length);
        }

        private Pieces pieces() {
            Pieces pieces = Pieces.rewriting(source, text);
            int from = 0;
            for (int p = 0; p < ends.size(); p++) {
                pieces.add(from, ends.get(p));
                from = ends.get(p);
            }
            return pieces;
        }

        private void reserve(int more) {
            if (length + more > text.length) {
                text = Arrays.copyOf(text, Math.max(length + more, text.length * 2));
            }
        }
    }
}
