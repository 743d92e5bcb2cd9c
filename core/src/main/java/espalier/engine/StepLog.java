package espalier.engine;

import espalier.sched.StepFacts;
import java.util.Locale;
import java.util.function.Consumer;

/** Writes steps as SGLang's scheduler does, for eyes and scripts that know its log. */
public final class StepLog implements Consumer<StepReport> {
    private final Consumer<String> lines;
    private final String prefillGraph;
    private final String decodeGraph;

    /**
     * @param lines takes one line at a time, without its end
     * @param graphLabel {@code cuda graph} or {@code cpu graph}
     * @param decodeReplays {@code True} or {@code False}: whether decode steps replay a recording
     */
    public StepLog(Consumer<String> lines, String graphLabel, String decodeReplays) {
        this.lines = lines;
        this.prefillGraph = graphLabel + ": False";
        this.decodeGraph = graphLabel + ": " + decodeReplays;
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
                            + " #queue-req: %d, #pending-token: %d, %s, input throughput (token/s): %.2f",
                    f.newSequences(),
                    f.promptTokens(),
                    f.cachedTokens(),
                    f.tokenUsage(),
                    f.runningRequests(),
                    f.waitingRequests(),
                    f.pendingTokens(),
                    prefillGraph,
                    report.inputThroughput()));
        }
        if (report.decodeInterval()) {
            lines.accept(String.format(
                    Locale.ROOT,
                    "Decode batch, #running-req: %d, #token: %d, token usage: %.2f, %s, gen throughput (token/s): %.2f,"
                            + " #queue-req: %d",
                    f.runningRequests(),
                    f.usedTokens(),
                    f.tokenUsage(),
                    decodeGraph,
                    report.generationThroughput(),
                    f.waitingRequests()));
        }
    }
}
