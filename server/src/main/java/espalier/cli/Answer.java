package espalier.cli;

import espalier.chat.Completion;
import espalier.chat.TextEngine;
import espalier.chat.TextEvent;
import espalier.chat.TextRequest;
import java.io.PrintStream;

/**
 * One answer, printed as it is generated.
 *
 * @param nanosToFirst from the request to its first token
 * @param nanosDecoding from the first token to the end
 */
record Answer(String text, TextEvent.Finished end, long nanosToFirst, long nanosDecoding) {

    static Answer print(TextEngine engine, TextRequest request, PrintStream out) throws InterruptedException {
        long begun = System.nanoTime();
        long first = 0;
        var text = new StringBuilder();
        try (Completion completion = engine.start(request)) {
            while (true) {
                switch (completion.next()) {
                    case TextEvent.Delta d -> {
                        first = first == 0 ? System.nanoTime() : first;
                        text.append(d.text());
                        out.print(d.text());
                        out.flush();
                    }
                    case TextEvent.Finished f -> {
                        long now = System.nanoTime();
                        first = first == 0 ? now : first;
                        return new Answer(text.toString(), f, first - begun, now - first);
                    }
                    case TextEvent.Failed f -> throw f.cause();
                }
            }
        }
    }

    /** A line such as {@code 12 + 8 tokens, first after 21 ms, 210.4 tokens/s}. */
    String facts() {
        var usage = end.usage();
        double seconds = Math.max(nanosDecoding, 1) / 1e9;
        return String.format(
                java.util.Locale.ROOT,
                "%d + %d tokens (%d cached), first after %.0f ms, %.1f tokens/s",
                usage.promptTokens(),
                usage.completionTokens(),
                usage.cachedTokens(),
                nanosToFirst / 1e6,
                Math.max(usage.completionTokens() - 1, 0) / seconds);
    }
}
