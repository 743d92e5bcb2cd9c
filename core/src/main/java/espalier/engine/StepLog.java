package espalier.engine;

import espalier.sched.StepFacts;
import java.util.Locale;
import java.util.function.Consumer;

/** Writes steps as SGLang's scheduler does, for eyes and scripts that know its log. */
public final class StepLog implements Consumer<StepReport> {
    private final Consumer<String> lines;
    private final String graphLabel;
    private final int mostReplayed;

    /**
     * @param lines takes one line at a time, without its end
     * @param graphLabel {@code cuda graph} or {@code cpu graph}
     * @param mostReplayed sequences of a decode step that still replays a recording; 0 where none is recorded
     */
    public StepLog(Consumer<String> lines, String graphLabel, int mostReplayed) {
        this.lines = lines;
        this.graphLabel = graphLabel;
        this.mostReplayed = mostReplayed;
    }

    @Override
    public void accept(StepReport report) {
        StepFacts f = report.facts();
        StepFacts.Retraction r = f.retraction();
        if (r.sequences() > 0) {
            lines.accept(String.format(
                    Locale.ROOT,
                    "KV cache pool is full. Retract requests. #retracted_reqs: %d, #new_tokens_gained: %d,"
                            + " #new_token_ratio: %.4f -> %.4f",
                    r.sequences(),
                    r.gainedTokens(),
                    r.ratioBefore(),
                    r.ratioAfter()));
        }
        if (f.promptTokens() > 0) {
            lines.accept(String.format(
                    Locale.ROOT,
                    "Prefill batch, #new-seq: %d, #new-token: %d, #cached-token: %d, token usage: %.2f, #running-req: %d,"
                            + " #queue-req: %d, #pending-token: %d, %s: False, input throughput (token/s): %.2f",
                    f.newSequences(),
                    f.promptTokens(),
                    f.cachedTokens(),
                    f.tokenUsage(),
                    f.runningRequests(),
                    f.waitingRequests(),
                    f.pendingTokens(),
                    graphLabel,
                    report.inputThroughput()));
        }
        if (report.decodeInterval()) {
            lines.accept(String.format(
                    Locale.ROOT,
                    "Decode batch, #running-req: %d, #token: %d, token usage: %.2f, %s: %s, gen throughput (token/s): %.2f,"
                            + " #queue-req: %d",
                    f.runningRequests(),
                    f.usedTokens(),
                    f.tokenUsage(),
                    graphLabel,
                    f.runningRequests() <= mostReplayed ? "True" : "False",
                    report.generationThroughput(),
                    f.waitingRequests()));
        }
    }
}
