package espalier.exec;

import espalier.checkpoint.Checkpoint;
import espalier.model.MemoryPlan;
import espalier.model.Mesh;
import espalier.model.ModelConfig;
import espalier.model.ModelDefinition;
import espalier.model.family.Families;
import espalier.tensor.Device;

/** All that a rank takes of its device's memory from its start to its end: known before the first byte is taken. */
public final class MemoryNeed {
    private MemoryNeed() {}

    /** Of {@link ModelLoader#load} and {@link RankedExecutor#start} for such a capacity, whose pages do not matter. */
    public static MemoryPlan of(
            Checkpoint checkpoint, Device device, Mesh mesh, Capacity capacity, MemoryPlan.Storage storage) {
        ModelConfig config = ModelConfig.of(checkpoint.config());
        ModelDefinition family = Families.of(config);
        int vocab = family.shape(config).vocab().size();
        return MemoryPlan.of(family, checkpoint, mesh, capacity.largest(), storage)
                .with("page tables and inputs", capacity.tableBytes())
                .with("sampler", device.samplerBytes(capacity.sampler(vocab)));
    }
}
