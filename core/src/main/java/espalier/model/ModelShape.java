package espalier.model;

import espalier.tensor.KvCache;
import espalier.tensor.KvType;

/**
 * All that the rest of the engine may know about a model before a weight is read.
 *
 * @param kvHeads one unit is a head
 * @param contextTokens how many positions the model was made for
 * @param tiedHead the output head is the embedding table
 */
public record ModelShape(
        int layers, Dim hidden, Dim vocab, Dim kvHeads, int contextTokens, float normEps, boolean tiedHead) {

    /** What one rank's cache of {@code slots} tokens holds. */
    public KvCache.Shape kvShape(Mesh mesh, int slots, KvType type) {
        int headDim = kvHeads.width();
        return new KvCache.Shape(layers, slots, mesh.mine(kvHeads).count() / headDim, headDim, type);
    }
}
