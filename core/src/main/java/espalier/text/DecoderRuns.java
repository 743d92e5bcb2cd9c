package espalier.text;

import org.jspecify.annotations.Nullable;

/**
 * The running state of each {@link Decoder}. All but the joining ones wait for a token's end before they pass it on.
 */
final class DecoderRuns {
    private DecoderRuns() {}

    /** {@code first} says that it is the list's first token. */
    interface TokenMap {
        String text(String token, boolean first);
    }

    /** Collects the parts of one token. */
    private static final class Token {
        private final StringBuilder parts = new StringBuilder();

        void add(String part) {
            parts.append(part);
        }

        String take() {
            String token = parts.toString();
            parts.setLength(0);
            return token;
        }
    }

    static final class Mapped implements TokenSink {
        private final TokenSink next;
        private final TokenMap map;
        private final Token token = new Token();
        private boolean first = true;

        Mapped(TokenSink next, TokenMap map) {
            this.next = next;
            this.map = map;
        }

        @Override
        public void part(String text) {
            token.add(text);
        }

        @Override
        public void endToken() {
            next.part(map.text(token.take(), first));
            next.endToken();
            first = false;
        }

        @Override
        public void endList() {
            next.endList();
        }
    }

    static final class Bytes implements TokenSink {
        private final TokenSink next;
        private final Token token = new Token();
        private final StringBuilder decoded = new StringBuilder();
        private final Utf8Stream utf8 = new Utf8Stream(decoded);

        Bytes(TokenSink next) {
            this.next = next;
        }

        @Override
        public void part(String text) {
            token.add(text);
        }

        @Override
        public void endToken() {
            utf8.accept(ByteAlphabet.bytes(token.take()));
            pass();
        }

        @Override
        public void endList() {
            utf8.finish();
            pass();
            next.endToken();
            next.endList();
        }

        private void pass() {
            if (!decoded.isEmpty()) {
                next.part(decoded.toString());
                decoded.setLength(0);
            }
        }
    }

    /**
     * Whether the bytes of a run are text is known only when the run ends, since one bad byte makes all of it bad; but
     * once it is bad it stays so, and nothing needs to wait.
     */
    static final class FallbackBytes implements TokenSink {
        private final TokenSink next;
        private final Token token = new Token();
        private final StringBuilder run = new StringBuilder();
        private Utf8Stream utf8 = new Utf8Stream(run);
        /** The bytes of the run that nothing has been passed on for. */
        private int waiting;

        FallbackBytes(TokenSink next) {
            this.next = next;
        }

        @Override
        public void part(String text) {
            token.add(text);
        }

        @Override
        public void endToken() {
            String text = token.take();
            int b = ByteTokens.unsignedByte(text);
            if (b < 0) {
                endRun();
                pass(text);
                return;
            }
            waiting++;
            utf8.accept(new byte[] {(byte) b});
            if (utf8.isDamaged()) {
                replaceWaiting();
            }
        }

        @Override
        public void endList() {
            endRun();
            next.endList();
        }

        private void endRun() {
            utf8.finish();
            if (utf8.isDamaged()) {
                replaceWaiting();
            } else if (waiting > 0) {
                pass(run.toString());
            }
            waiting = 0;
            run.setLength(0);
            utf8 = new Utf8Stream(run);
        }

        private void replaceWaiting() {
            for (; waiting > 0; waiting--) {
                pass("\uFFFD");
            }
        }

        private void pass(String text) {
            next.part(text);
            next.endToken();
        }
    }

    static final class Fused implements TokenSink {
        private final TokenSink next;

        Fused(TokenSink next) {
            this.next = next;
        }

        @Override
        public void part(String text) {
            next.part(text);
        }

        @Override
        public void endToken() {
            // The tokens become one, which ends with the list.
        }

        @Override
        public void endList() {
            next.endToken();
            next.endList();
        }
    }

    /** Passes parts on as they come, but for the first characters while they are stripped and the last that may be. */
    static final class Stripped implements TokenSink {
        private final TokenSink next;
        private final Decoder.Strip strip;
        private int strippable;
        /** How many of the character stand at the end of what has come and may yet be stripped. */
        private int held;

        Stripped(TokenSink next, Decoder.Strip strip) {
            this.next = next;
            this.strip = strip;
            strippable = strip.start();
        }

        @Override
        public void part(String text) {
            StringBuilder out = new StringBuilder();
            for (int i = 0; i < text.length(); ) {
                int c = text.codePointAt(i);
                i += Character.charCount(c);
                if (c == strip.character() && strippable > 0) {
                    strippable--;
                    continue;
                }
                strippable = 0;
                if (c != strip.character()) {
                    release(held, out);
                    out.appendCodePoint(c);
                } else if (++held > strip.stop()) {
                    release(1, out);
                }
            }
            if (!out.isEmpty()) {
                next.part(out.toString());
            }
        }

        @Override
        public void endToken() {
            held = 0;
            strippable = strip.start();
            next.endToken();
        }

        @Override
        public void endList() {
            next.endList();
        }

        private void release(int count, StringBuilder out) {
            for (int i = 0; i < count; i++) {
                out.appendCodePoint(strip.character());
            }
            held -= count;
        }
    }

    static final class Suffixed implements TokenSink {
        private final TokenSink next;
        private final String suffix;
        private final Token token = new Token();
        private @Nullable String waiting;

        Suffixed(TokenSink next, String suffix) {
            this.next = next;
            this.suffix = suffix;
        }

        @Override
        public void part(String text) {
            token.add(text);
        }

        @Override
        public void endToken() {
            pass(" ");
            waiting = token.take();
        }

        @Override
        public void endList() {
            pass("");
            next.endList();
        }

        private void pass(String replacement) {
            if (waiting != null) {
                next.part(waiting.replace(suffix, replacement));
                next.endToken();
                waiting = null;
            }
        }
    }

    static final class Deduplicated implements TokenSink {
        private final TokenSink next;
        private final Decoder.Ctc ctc;
        private final Token token = new Token();
        private @Nullable String last;

        Deduplicated(TokenSink next, Decoder.Ctc ctc) {
            this.next = next;
            this.ctc = ctc;
        }

        @Override
        public void part(String text) {
            token.add(text);
        }

        @Override
        public void endToken() {
            String now = token.take();
            if (now.equals(last)) {
                return;
            }
            last = now;
            String text = ctc.text(now);
            if (!text.isEmpty()) {
                next.part(text);
                next.endToken();
            }
        }

        @Override
        public void endList() {
            next.endList();
        }
    }
}
