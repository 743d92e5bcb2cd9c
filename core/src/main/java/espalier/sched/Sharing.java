package espalier.sched;

/**
 * How prompts and decoding sequences share the steps of a device ({@link StepShape#MIXED}).
 *
 * @param enoughTokens of prompts from which on a step reads them hardly faster: more only keep those waiting whose prompts are
 *     read early in the step
 * @param leastTokens of prompts in a step beside decoding sequences, whatever their pace: fewer would not fill the device
 * @param pace a step that reads prompts beside decoding sequences takes at most so many times as long as one that only
 *     decodes ({@code --decode-pace}); infinite for no limit
 */
public record Sharing(int enoughTokens, int leastTokens, double pace) {
    /** Steps are as long as {@link Limits} allow. */
    public static final Sharing LONGEST_STEPS = new Sharing(Integer.MAX_VALUE, 1, Double.POSITIVE_INFINITY);

    /**
     * Prompt tokens beside which decoding sequences keep their pace.
     *
     * @param decodes of the step
     */
    int paced(Speed speed, int decodes) {
        double tokens = speed.isKnown() ? (pace - 1) * speed.decodeNanos() / speed.tokenNanos() : Integer.MAX_VALUE;
        // As many rows again make a step at most about twice as long.
        return (int) Math.min(Integer.MAX_VALUE, Math.max(tokens, Math.max(leastTokens, decodes)));
    }
}
