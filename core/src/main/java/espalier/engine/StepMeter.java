package espalier.engine;

import espalier.sched.StepFacts;
import java.util.function.LongSupplier;

/** Turns steps into rates. The clock is given, so tests need none. */
final class StepMeter {
    private static final double NANOS_PER_SECOND = 1e9;

    private final int interval;
    private final LongSupplier nanos;
    private int decodeSteps;
    private long generatedBefore;
    private long decodeSince;
    private long promptSince;
    private volatile double generationThroughput;

    StepMeter(int interval, LongSupplier nanos) {
        this.interval = interval;
        this.nanos = nanos;
        this.decodeSince = nanos.getAsLong();
        this.promptSince = decodeSince;
    }

    double generationThroughput() {
        return generationThroughput;
    }

    /** @param generatedTokens of all requests since the start */
    StepReport step(StepFacts facts, long generatedTokens) {
        long now = nanos.getAsLong();
        double input = 0;
        if (facts.promptTokens() > 0) {
            input = rate(facts.promptTokens(), now - promptSince);
            promptSince = now;
        }
        boolean due = facts.decodes() > 0 && ++decodeSteps % interval == 0;
        if (due) {
            generationThroughput = rate(generatedTokens - generatedBefore, now - decodeSince);
            generatedBefore = generatedTokens;
            decodeSince = now;
        }
        return new StepReport(facts, due, input, generationThroughput);
    }

    private static double rate(long tokens, long elapsed) {
        return elapsed <= 0 ? 0 : tokens * NANOS_PER_SECOND / elapsed;
    }
}
