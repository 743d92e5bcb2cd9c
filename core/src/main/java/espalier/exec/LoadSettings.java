package espalier.exec;

import espalier.model.Quantization;

/**
 * How a model is loaded.
 *
 * @param contextTokens the longest sequence that will be asked for, which dynamic rotary scaling depends on; 0 for what
 *     the model was made for
 * @param quantization of plain weights
 * @param progress told of each layer, from the threads that load
 */
public record LoadSettings(int contextTokens, Quantization quantization, Progress progress) {

    /** As the model has it, in silence. */
    public static LoadSettings plain() {
        return new LoadSettings(0, Quantization.NONE, (_, _) -> {});
    }

    /** Told how far loading has come. */
    public interface Progress {
        /** @param layers that are done, over all ranks, of {@code all} */
        void loaded(int layers, int all);
    }
}
