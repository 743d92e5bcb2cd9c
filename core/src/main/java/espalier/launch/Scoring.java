package espalier.launch;

import espalier.api.EngineFault;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelSource;
import espalier.config.Options;
import espalier.config.Resolver;
import espalier.exec.LoadSettings;
import espalier.exec.LoadedModel;
import espalier.exec.LogitReader;
import espalier.exec.ModelLoader;
import espalier.tensor.Device;
import java.util.List;

/** Loads a model not to serve, but to read its logits: for measurements of quality. */
public final class Scoring {
    private Scoring() {}

    /**
     * The model as an engine with these options would have it, on one rank.
     *
     * @param window tokens of the longest text; {@code most} of them are read at once
     * @throws EngineFault if something is missing, wrong or too large
     */
    public static LogitReader load(Options options, ModelSource source, int window, int most) {
        Checkpoint checkpoint = source.checkpoint();
        List<Device> devices;
        try {
            devices = EngineLoader.require(options).open(Resolver.device(options));
        } catch (Throwable e) { // an Error, too, must not leave the files mapped
            checkpoint.close();
            throw e;
        }
        LoadedModel model = ModelLoader.load(
                checkpoint, devices, new LoadSettings(window, options.model().quantization(), (_, _) -> {}));
        return new LogitReader(model, window, most, Resolver.kvType(options));
    }
}
