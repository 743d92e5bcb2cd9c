package espalier.tensor;

import org.jspecify.annotations.Nullable;

/**
 * What a forward pass reads about its batch, already on the device, all I32. Static addresses, so a recorded graph
 * can be replayed after the contents change.
 *
 * @param ids [1, tokens]; a negative one, {@code -1 - seat}, stands for that seat's last sampled token until {@link
 *     Ops#resolveIds} has run
 * @param positions [1, tokens]
 * @param writeSlots [1, tokens] cache slot of each token
 * @param firstRow [1, sequences] the row at which each sequence's tokens begin; its tokens are consecutive
 * @param contextLen [1, sequences] positions of the sequence after this step
 * @param seats [1, sequences] the row of {@code pageTable} of each sequence
 * @param pageTable [seats, pages] page number by page index; slot = page * pageSize + position % pageSize
 * @param sampleRows [1, samples] rows whose logits are wanted
 * @param outline what the host knows of all this
 * @param prefixes that several sequences share and that are worth reading once; null where there are none
 */
public record StepInputs(
        Tensor ids,
        Tensor positions,
        Tensor writeSlots,
        Tensor firstRow,
        Tensor contextLen,
        Tensor seats,
        Tensor pageTable,
        int pageSize,
        Tensor sampleRows,
        int tokens,
        int sequences,
        Outline outline,
        @Nullable SharedPrefixes prefixes) {

    /** Of a step of which the host tells nothing more. */
    public StepInputs(
            Tensor ids,
            Tensor positions,
            Tensor writeSlots,
            Tensor firstRow,
            Tensor contextLen,
            Tensor seats,
            Tensor pageTable,
            int pageSize,
            Tensor sampleRows,
            int tokens,
            int sequences) {
        this(
                ids,
                positions,
                writeSlots,
                firstRow,
                contextLen,
                seats,
                pageTable,
                pageSize,
                sampleRows,
                tokens,
                sequences,
                new Outline(Rows.ANY, sequences, pageTable.cols() * pageSize),
                null);
    }

    /** The same, of which the host knows this. */
    public StepInputs with(Outline known) {
        return new StepInputs(
                ids,
                positions,
                writeSlots,
                firstRow,
                contextLen,
                seats,
                pageTable,
                pageSize,
                sampleRows,
                tokens,
                sequences,
                known,
                prefixes);
    }

    /** How many rows each sequence has. */
    public enum Rows {
        ONE,
        SEVERAL,
        ANY
    }

    /**
     * What kernels may be chosen by. It holds of every replay of a recorded step.
     *
     * @param cached at most so many sequences of several rows have positions in the cache before their first
     * @param longest no sequence has more positions
     */
    public record Outline(Rows rows, int cached, int longest) {}
}
