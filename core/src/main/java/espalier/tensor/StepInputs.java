package espalier.tensor;

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
        int sequences) {}
