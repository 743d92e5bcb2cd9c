package espalier.exec;

import espalier.api.EngineFault;
import espalier.checkpoint.Checkpoint;
import espalier.model.Decoder;
import espalier.model.MemoryPlan;
import espalier.model.Mesh;
import espalier.model.ModelConfig;
import espalier.model.ModelDefinition;
import espalier.model.ModelShape;
import espalier.model.Quantization;
import espalier.model.Weights;
import espalier.model.family.Families;
import espalier.tensor.Device;
import espalier.tensor.KvType;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** Puts a checkpoint onto devices. */
public final class ModelLoader {
    private ModelLoader() {}

    /**
     * Loads each rank's part, all ranks at once. Takes over the devices (in rank order) and the checkpoint: they are
     * closed with the model, or here if loading fails.
     *
     * @throws EngineFault CHECKPOINT if the architecture is not supported or checkpoint and config do not fit, RESOURCE
     *     if the model does not divide over so many ranks
     */
    public static LoadedModel load(Checkpoint checkpoint, List<Device> devices, LoadSettings settings) {
        boolean loaded = false;
        try {
            ModelConfig config = ModelConfig.of(checkpoint.config()).withContext(settings.contextTokens());
            ModelDefinition family = Families.of(config);
            var model = new LoadedModel(checkpoint, devices, decoders(family, config, checkpoint, devices, settings));
            loaded = true;
            return model;
        } finally {
            if (!loaded) {
                devices.forEach(Device::close);
                checkpoint.close();
            }
        }
    }

    private static List<Decoder> decoders(
            ModelDefinition family,
            ModelConfig config,
            Checkpoint checkpoint,
            List<Device> devices,
            LoadSettings settings) {
        ModelShape shape = family.shape(config);
        int all = shape.layers() * devices.size();
        var done = new AtomicInteger();
        var tasks = new ArrayList<Callable<Decoder>>();
        for (int rank = 0; rank < devices.size(); rank++) {
            var mesh = new Mesh(rank, devices.size());
            expect(family, checkpoint, devices.get(rank), mesh, settings.quantization());
            var weights = Weights.of(checkpoint, devices.get(rank), mesh, settings.quantization());
            tasks.add(() -> Decoder.load(
                    family, config, weights, _ -> settings.progress().loaded(done.incrementAndGet(), all)));
        }
        try (var threads = Executors.newFixedThreadPool(
                devices.size(), Thread.ofPlatform().name("load-", 0).factory())) {
            var decoders = new ArrayList<Decoder>();
            for (Future<Decoder> future : threads.invokeAll(tasks)) {
                decoders.add(future.get());
            }
            return decoders;
        } catch (ExecutionException e) {
            throw fault(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineFault(EngineFault.Code.INTERNAL, "interrupted while loading the model", e);
        }
    }

    private static void expect(
            ModelDefinition family, Checkpoint checkpoint, Device device, Mesh mesh, Quantization quantization) {
        var any = new MemoryPlan.Largest(1, 1, 1);
        KvType kvType = KvType.of(device.ops().activations());
        MemoryPlan.Storage storage = MemoryPlan.Storage.of(device, kvType, quantization);
        device.expectWeights(
                () -> MemoryPlan.of(family, checkpoint, mesh, any, storage).weightBytes());
    }

    private static EngineFault fault(ExecutionException e) {
        return switch (e.getCause()) {
            case EngineFault f -> new EngineFault(f.code(), f.getMessage(), f);
            case OutOfMemoryError none ->
                new EngineFault(
                        EngineFault.Code.RESOURCE,
                        "not enough memory for the model's weights (" + none.getMessage()
                                + "); choose a smaller model or more ranks with --tp",
                        none);
            case null, default ->
                new EngineFault(EngineFault.Code.INTERNAL, "loading the model failed: " + e.getCause(), e);
        };
    }
}
