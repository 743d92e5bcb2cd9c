package espalier.sched;

/**
 * How prompts and decoding sequences share the steps of a device ({@link StepShape#MIXED}).
 *
 * @param enoughTokens of prompts from which on a step reads them hardly faster: more only keep those waiting whose prompts are
 *     read early in the step
 * @param leastTokens of prompts in a step beside decoding sequences, whatever their pace: fewer would not fill the device
 * @param pace a step that reads prompts beside decoding sequences takes at most so many times as long as one that only
 *     decodes ({@code --decode-pace}); infinite for no limit
 * @param fullRows prompt tokens and decoding sequences of a long step together: so many rows, or a multiple of them, keep all of
 *     the device busy to the end of each of its products, as multiples of {@code enoughTokens} nearly do; 0 where any number does
 */
public record Sharing(int enoughTokens, int leastTokens, double pace, int fullRows) {
    /** Steps are as long as {@link Limits} allow. */
    public static final Sharing LONGEST_STEPS = new Sharing(Integer.MAX_VALUE, 1, Double.POSITIVE_INFINITY);

    /** Where any number of rows keeps the device busy. */
    public Sharing(int enoughTokens, int leastTokens, double pace) {
        this(enoughTokens, leastTokens, pace, 0);
    }

    /**
     * About {@code tokens} of prompts, rather more than fewer, that with {@code decodes} make a number of rows which keeps the
     * device busy.
     */
    int filling(int tokens, int decodes) {
        if (fullRows == 0) {
            return tokens;
        }
        int half = Math.ceilDiv(enoughTokens, 2); // of a step; fewer tokens are not worth one
        long rows = Math.ceilDiv(Math.max(tokens, (long) decodes + half), enoughTokens) * enoughTokens;
        if (rows > fullRows - enoughTokens) {
            long whole = Math.max(1, rows / fullRows) * fullRows;
            rows = whole < (long) decodes + half ? whole + fullRows : whole;
        }
        return (int) Math.min(Integer.MAX_VALUE, rows - decodes);
    }

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
