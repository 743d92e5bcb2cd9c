package espalier.engine;

import espalier.sched.Speed;
import espalier.sched.StepFacts;

/**
 * How long steps take, learned from those that have ended: a part for all rows that decode and a part for each prompt token.
 * A step that took longer or shorter than expected corrects both, each by its share of what was expected; so a part is
 * learned also while no step has it alone. What a step was late by, once, counts little: a machine has pauses that say
 * nothing of the next step. What it was early by counts more, since those who wait for its end would let the device idle;
 * and wholly where it took less than half as long, as after the first steps, in which devices compile and choose kernels.
 */
public final class StepTimes {
    private static final double LATE_COUNTS = 0.25;
    private static final double MOST_LATE = 2;
    private static final double EARLY_COUNTS = 0.5;
    private static final double FAR_TOO_EARLY = 0.5;

    /** A plan is on its way to the device so long before the step in flight can end, or a third of it. */
    private static final double HEAD_START_NANOS = 2.5e6;

    private static final double HEAD_START = 1 / 3.0;

    /** By how much the shortest of the decoding steps is forgotten with each further one. */
    private static final double FORGOTTEN = 0.02;

    private Speed speed = Speed.UNKNOWN;
    private double shortest;

    /** Knows nothing yet. */
    public StepTimes() {}

    /** As learned so far. */
    public Speed speed() {
        return speed;
    }

    /** A step with these facts took so long. */
    public void ended(StepFacts facts, long nanos) {
        if (nanos <= 0) {
            return;
        }
        if (facts.promptTokens() == 0) {
            shortest = shortest == 0 ? nanos : Math.min((double) nanos, shortest * (1 + FORGOTTEN));
        }
        boolean decodes = facts.decodes() > 0;
        int prompt = facts.promptTokens();
        double decodeNanos = speed.decodeNanos();
        double tokenNanos = speed.tokenNanos();
        if (prompt == 0 && decodeNanos == 0) {
            decodeNanos = nanos;
        } else if (prompt > 0 && tokenNanos == 0) {
            double rest = nanos - (decodes ? decodeNanos : 0); // all of it where nothing is known of either
            tokenNanos = Math.max(rest, 0.1 * nanos) / prompt;
        } else {
            double expected = speed.nanos(prompt, facts.decodes());
            double change = change(nanos / expected);
            double decodeShare = decodes ? decodeNanos / expected : 0;
            decodeNanos *= 1 + change * decodeShare;
            tokenNanos *= 1 + change * (1 - decodeShare);
        }
        speed = new Speed(decodeNanos, tokenNanos);
    }

    private static double change(double ratio) {
        if (ratio < FAR_TOO_EARLY) {
            return ratio - 1;
        }
        double off = Math.min(ratio, MOST_LATE) - 1;
        return off * (off > 0 ? LATE_COUNTS : EARLY_COUNTS);
    }

    /**
     * How long the next plan may still wait for requests that come meanwhile, without the device waiting for it: less than
     * the shortest decoding step of late, also where the one in flight reads prompts beside, as its end is hard to tell.
     *
     * @param facts of the only step in flight
     * @param nanos for which it has run
     */
    public long spareNanos(StepFacts facts, long nanos) {
        if (facts.decodes() == 0) {
            return 0;
        }
        double until = shortest - Math.max(HEAD_START_NANOS, HEAD_START * shortest);
        return (long) Math.max(0, until - nanos);
    }
}
