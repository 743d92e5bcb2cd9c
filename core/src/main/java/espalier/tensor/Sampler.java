package espalier.tensor;

import espalier.step.SamplingBatch;
import espalier.step.StepResult;

/**
 * Chooses tokens on the device. It keeps, per seat, the token chosen last (which the next step reads without a visit
 * to the host) and the counts that penalties need. Called on the rank's thread, in plan order.
 */
public interface Sampler {

    /**
     * What it is made for.
     *
     * @param longest no sequence has more tokens
     */
    record Size(int seats, int vocab, int longest) {}

    /** Chooses one token for each row of {@code logits} [rows, vocab] F32, whose contents are spent by it. */
    void sample(Tensor logits, SamplingBatch how);

    /** The outcome of the newest {@link #sample}; waits for the device. */
    StepResult result();

    /** [1, seats] I32: what {@link Ops#resolveIds} reads. */
    Tensor lastTokens();
}
