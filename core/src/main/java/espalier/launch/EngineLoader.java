package espalier.launch;

import espalier.api.EngineFault;
import espalier.api.EngineInfo;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelSource;
import espalier.config.Options;
import espalier.config.Resolver;
import espalier.config.Settings;
import espalier.engine.LocalEngine;
import espalier.engine.LoopOptions;
import espalier.exec.Capacity;
import espalier.exec.LoadSettings;
import espalier.exec.MemoryNeed;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.model.MemoryPlan;
import espalier.model.Mesh;
import espalier.model.ModelConfig;
import espalier.model.ModelDefinition;
import espalier.model.ModelShape;
import espalier.model.Quantization;
import espalier.model.family.Families;
import espalier.sched.Scheduler;
import espalier.sched.StepShape;
import espalier.sched.Strategy;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import espalier.tensor.Devices;
import espalier.tensor.KvType;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Puts an engine together: device, weights, ranks, scheduler. The only place that knows all of them. */
public final class EngineLoader {
    private final Options options;
    private final ModelSource source;
    private final ModelConfig config;
    private final ModelDefinition family;
    private final LoadListener listener;
    private final Runnable afterLayer;

    private EngineLoader(Options options, ModelSource source, LoadListener listener, Runnable afterLayer) {
        this.options = options;
        this.source = source;
        this.config = ModelConfig.of(source.config(), source::place);
        this.family = Families.of(config);
        this.listener = listener;
        this.afterLayer = afterLayer;
    }

    /**
     * An engine that runs, and the numbers that it was sized by.
     *
     * @param makeup what it computes by, which is looked for when it is asked for: a start does without
     */
    public record Loaded(LocalEngine engine, Settings settings, Supplier<Makeup> makeup) {}

    /** @throws EngineFault if something is missing, wrong or too large; the message says what to do */
    public static Loaded load(Options options, ModelSource source, LoadListener listener) {
        return load(options, source, listener, () -> {});
    }

    /**
     * As {@link #load(Options, ModelSource, LoadListener)}, for a caller that may lose its use for the engine meanwhile.
     *
     * @param afterLayer is called whenever a layer is loaded, by the threads that load; what it throws ends the loading
     */
    public static Loaded load(Options options, ModelSource source, LoadListener listener, Runnable afterLayer) {
        return new EngineLoader(options, source, listener, afterLayer).load();
    }

    /**
     * Refuses flags that are wrong whatever model and machine are, without a look at either.
     *
     * @throws espalier.api.RequestRejected with the flag, and what it takes
     */
    public static void requireFlags(Options options) {
        var _ = Resolver.demand(options);
    }

    /**
     * Refuses what these options ask for and no model could be served with, before one is looked for.
     *
     * @return the kind of device that is asked for
     * @throws espalier.api.RequestRejected with the flag, what is possible, and the way out
     * @throws EngineFault RESOURCE if it cannot be used on this machine
     */
    public static DeviceProvider require(Options options) {
        requireFlags(options);
        return require(options, Devices.choose(options.device().device()));
    }

    static DeviceProvider require(Options options, DeviceProvider provider) {
        provider.require(Resolver.demand(options));
        return provider;
    }

    private Loaded load() {
        DeviceProvider provider = require(options);
        ModelShape shape = family.shape(config);
        Devices.unusable(options.device().device()).forEach(listener::says);
        Checkpoint checkpoint = checkpoint();
        List<Device> devices = List.of();
        Settings settings;
        try {
            devices = provider.open(Resolver.device(options));
            sayWhatIsWrittenOut(checkpoint, devices.getFirst());
            settings = settings(shape, checkpoint, devices.getFirst());
        } catch (Throwable e) { // an Error, too, must not leave threads and memory behind
            devices.forEach(Device::close);
            checkpoint.close();
            throw e;
        }
        listener.says(
                "device: " + devices.getFirst().name() + (devices.size() == 1 ? "" : ", " + devices.size() + " ranks"));
        devices.getFirst().remarks().forEach(listener::says);
        settings.reasons().forEach(listener::says);
        listener.says(memory(settings));
        String device = devices.getFirst().name();
        List<Device> opened = devices;
        RankedExecutor executor = executor(checkpoint, devices, settings);
        try {
            LocalEngine engine = start(executor, settings, shape.vocab().size(), device);
            return new Loaded(engine, settings, () -> makeup(checkpoint, opened, settings));
        } catch (Throwable e) {
            executor.close();
            throw e;
        }
    }

    private LocalEngine start(RankedExecutor executor, Settings settings, int vocabSize, String device) {
        Set<Integer> eos = source.eosTokenIds().stream().boxed().collect(Collectors.toSet());
        Long asked = options.schedule().randomSeed();
        long seed = asked == null ? new SplittableRandom().nextLong() : asked;
        var scheduler = new Scheduler(settings.limits(), strategy(settings, seed), eos);
        var info = new EngineInfo(
                device,
                vocabSize,
                settings.limits().contextLength(),
                eos,
                settings.limits().pageSize(),
                settings.limits().maxTotalTokens(),
                settings.limits().maxRunningRequests());
        var loop = new LoopOptions(
                !options.schedule().disableOverlapSchedule(),
                seed,
                options.schedule().decodeLogInterval(),
                listener::stepped,
                listener::failed);
        listener.says(describe(settings));
        return LocalEngine.start(scheduler, executor, info, loop);
    }

    private Checkpoint checkpoint() {
        return switch (options.model().loadFormat()) {
            case AUTO, SAFETENSORS -> source.checkpoint();
            case DUMMY -> source.dummy();
        };
    }

    private Settings settings(ModelShape shape, Checkpoint checkpoint, Device device) {
        return Resolver.resolve(
                options,
                new Resolver.Facts(
                        shape,
                        device.availableBytes(),
                        device.defaults(),
                        device.mostPositions(),
                        (largest, quantization) -> plan(checkpoint, device, largest, quantization)));
    }

    private MemoryPlan plan(
            Checkpoint checkpoint, Device device, MemoryPlan.Largest largest, Quantization quantization) {
        KvType kvType = Resolver.kvType(options);
        int context = Math.multiplyExact(largest.pagesPerSequence(), largest.pageSize());
        var capacity = new Capacity(largest.sequences(), largest.tokens(), 1, largest.pageSize(), context, kvType);
        return MemoryNeed.of(checkpoint, device, mesh(), capacity, MemoryPlan.Storage.of(device, kvType, quantization));
    }

    private Mesh mesh() {
        return new Mesh(0, options.device().tpSize());
    }

    /** Of a device that reads weights in the type of its activations: says what they take. */
    private void sayWhatIsWrittenOut(Checkpoint checkpoint, Device device) {
        if (device.matrices() == Device.Matrices.AS_STORED) {
            return;
        }
        MemoryPlan.Storage here = MemoryPlan.Storage.of(device, Resolver.kvType(options), Quantization.NONE);
        var stored = new MemoryPlan.Storage(
                here.kvType(), here.activations(), Quantization.NONE, Device.Matrices.AS_STORED, _ -> 0);
        var any = new MemoryPlan.Largest(1, 1, 1);
        long before = MemoryPlan.of(family, checkpoint, mesh(), any, stored).weightBytes();
        long after = MemoryPlan.of(family, checkpoint, mesh(), any, here).weightBytes();
        if (after != before) {
            listener.says(String.format(
                    Locale.ROOT,
                    "weights are written out as %s for %s: %.2f GB as they are stored, %.2f GB in its memory",
                    here.activations(),
                    device.name(),
                    before / 1e9,
                    after / 1e9));
        }
    }

    /** Looks at every matrix as the model will have it, without its numbers. */
    private Makeup makeup(Checkpoint checkpoint, List<Device> devices, Settings settings) {
        Device first = devices.getFirst();
        MemoryPlan.Storage storage = MemoryPlan.Storage.of(
                first, Resolver.kvType(options), options.model().quantization());
        var weights = Makeup.weights(MemoryPlan.matrices(family, checkpoint, mesh(), storage), first::kernels);
        int threads = devices.stream().mapToInt(Device::threads).sum();
        return new Makeup(first.name(), devices.size(), threads, settings.kvType(), weights);
    }

    private RankedExecutor executor(Checkpoint checkpoint, List<Device> devices, Settings settings) {
        long begun = System.nanoTime();
        int context = settings.limits().contextLength();
        var model = ModelLoader.load(
                checkpoint, devices, new LoadSettings(context, options.model().quantization(), this::loaded));
        listener.says(String.format(Locale.ROOT, "Load weight end. elapsed=%.2f s", (System.nanoTime() - begun) / 1e9));
        devices.getFirst().weightRemarks().forEach(listener::says);
        return RankedExecutor.start(
                model,
                new Capacity(
                        settings.limits().maxRunningRequests(),
                        settings.limits().maxStepTokens(),
                        settings.limits().pages(),
                        settings.limits().pageSize(),
                        context,
                        settings.kvType()),
                listener::recorded,
                Duration.ofSeconds(options.schedule().watchdogTimeout()));
    }

    private void loaded(int layers, int all) {
        afterLayer.run();
        listener.loaded(layers, all);
    }

    private Strategy strategy(Settings settings, long seed) {
        return new Strategy(
                settings.policy(),
                options.schedule().scheduleConservativeness(),
                !options.cache().disableRadixCache(),
                StepShape.MIXED,
                seed,
                options.device().enableDeterministicInference() ? 2 : 1,
                settings.sharing());
    }

    /** What memory will be taken for, over all ranks. */
    private static String memory(Settings s) {
        var line = new StringBuilder("memory: weights " + gigabytes(s.memory().weightBytes() * s.ranks()));
        for (MemoryPlan.Part part : s.memory().parts()) {
            if (part.bytes() > 0) {
                line.append(", ").append(part.what()).append(' ').append(gigabytes(part.bytes() * s.ranks()));
            }
        }
        return line.append(", KV cache ").append(gigabytes(s.kvBytes())).toString();
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, bytes < 10_000_000 ? "%.4f GB" : "%.2f GB", bytes / 1e9);
    }

    /** SGLang's line about the memory, with the cache's size beside it. */
    private static String describe(Settings s) {
        return String.format(
                Locale.ROOT,
                "max_total_num_tokens=%d, chunked_prefill_size=%d, max_prefill_tokens=%d, max_running_requests=%d,"
                        + " context_len=%d, kv_cache=%.2f GB (%s)",
                s.limits().maxTotalTokens(),
                s.limits().chunkedPrefillSize(),
                s.limits().maxPrefillTokens(),
                s.limits().maxRunningRequests(),
                s.limits().contextLength(),
                s.kvBytes() / 1e9,
                s.kvType());
    }
}
