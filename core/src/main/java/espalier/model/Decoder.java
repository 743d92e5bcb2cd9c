package espalier.model;

import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * One rank's part of a loaded decoder: embedding, layers, final norm, head. The only place that walks the layers.
 *
 * <p>The vocabulary is cut over the ranks where it divides: each embeds the ids that it holds and yields the logits of
 * its rows; a sum and a gather make them whole on every rank.
 */
public final class Decoder {
    /** Rows that the head treats at once: bounds the memory of gathered rows and of one rank's logits. */
    private static final int HEAD_ROWS = 256;

    private final ModelShape shape;
    private final Matrix table;
    private final int firstId;
    private final List<Layer> layers;
    private final Norm norm;
    private final Linear head;
    private final boolean vocabShared;

    private Decoder(ModelShape shape, Weights root, Matrix table, List<Layer> layers, Norm norm, Linear head) {
        this.shape = shape;
        this.table = table;
        this.firstId = root.mesh().mine(shape.vocab()).from();
        this.layers = List.copyOf(layers);
        this.norm = norm;
        this.head = head;
        this.vocabShared = root.mesh().isShared(shape.vocab());
    }

    /**
     * Loads the part of the rank that {@code root} reads for.
     *
     * @param loaded told the index of each layer as it is done
     * @throws espalier.api.EngineFault if checkpoint and config do not fit; it names every tensor concerned
     */
    public static Decoder load(ModelDefinition family, ModelConfig config, Weights root, IntConsumer loaded) {
        ModelShape s = family.shape(config);
        Matrix table = root.at(family.embeddingPath()).table(s.vocab(), s.hidden());
        var layers = new ArrayList<Layer>();
        for (int i = 0; i < s.layers(); i++) {
            layers.add(family.layer(i, config, root.at(family.layerPath(i))));
            loaded.accept(i);
        }
        Norm norm = root.at(family.finalNormPath()).norm(s.hidden(), s.normEps());
        Linear head =
                s.tiedHead() ? root.tied(table) : root.at(family.headPath()).head(s.hidden(), s.vocab());
        root.requireSound(Leftovers.of(s, family.headPath()));
        return new Decoder(s, root, table, layers, norm, head);
    }

    public ModelShape shape() {
        return shape;
    }

    /**
     * Runs the batch that {@code p} describes.
     *
     * @param logits [samples, vocab]: one row for each of the first {@code samples} of {@code sampleRows}; may have no
     *     rows
     */
    public void forward(Pass p, Tensor logits) {
        forward(p, logits, () -> {});
    }

    /**
     * As {@link #forward(Pass, Tensor)}.
     *
     * @param moved told of each layer that is computed, or queued where ops return before they have run
     */
    public void forward(Pass p, Tensor logits, Runnable moved) {
        try (Workspace.Frame _ = p.space().frame()) {
            Tensor stream = p.temp(p.in().tokens(), shape.hidden().size());
            p.ops().embed(p.in().ids(), table, firstId, stream);
            if (vocabShared) {
                p.ranks().allReduce(stream);
            }
            var residual = new Residual(stream);
            for (Layer layer : layers) {
                layer.forward(p, residual);
                moved.run();
            }
            for (int from = 0; from < logits.rows(); from += HEAD_ROWS) {
                int rows = Math.min(HEAD_ROWS, logits.rows() - from);
                head(p, residual, p.in().sampleRows().cols(from, rows), logits.rows(from, rows));
            }
        }
    }

    private void head(Pass p, Residual residual, Tensor rows, Tensor logits) {
        try (Workspace.Frame _ = p.space().frame()) {
            Tensor x = residual.normedRows(p, rows, norm);
            if (vocabShared) {
                p.ranks().allGather(head.apply(p, x), logits);
            } else {
                head.apply(p, x, logits);
            }
        }
    }
}
