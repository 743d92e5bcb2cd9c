package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.api.EngineInfo;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelFolder;
import espalier.engine.LocalEngine;
import espalier.engine.LoopOptions;
import espalier.exec.Capacity;
import espalier.exec.LoadSettings;
import espalier.exec.LoadedModel;
import espalier.exec.MemoryNeed;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.golden.Answer;
import espalier.golden.GoldenModels;
import espalier.model.MemoryPlan;
import espalier.model.Mesh;
import espalier.model.Quantization;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import espalier.tensor.DeviceProvider;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.KvType;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What ops keep between their parts is taken while an engine starts, is in the plan, and is all that they ever need. */
@Timeout(120)
class CpuMemoryTest {
    private static final int SEATS = 6;
    private static final int ROWS = 96;
    private static final int CONTEXT = 1200;
    private static final int CACHE = 4000;

    @ParameterizedTest
    @CsvSource({
        "auto, NONE, BF16, 2",
        "auto, NONE, BF16, 1",
        "auto, INT8, INT8, 2",
        "auto, INT4, FP8_E4M3, 3",
        "avx512, NONE, F32, 2",
        "avx512, INT4, BF16, 2",
        "avx2, INT8, BF16, 2",
        "vector, NONE, BF16, 2",
        "vector, INT4, INT8, 3",
    })
    void servingTakesNoMemory(String kernels, Quantization quantization, KvType kvType, int threads)
            throws InterruptedException {
        var memory = new Taken();
        CpuDevice device = device(kernels, threads, memory);
        if (device == null) {
            return; // said
        }
        Checkpoint checkpoint = demo();
        var capacity = new Capacity(SEATS, ROWS, CACHE, 1, CONTEXT, kvType);
        long planned = planned(checkpoint, device, capacity, quantization);
        LoadedModel model =
                ModelLoader.load(checkpoint, List.of(device), new LoadSettings(CONTEXT, quantization, (_, _) -> {}));
        int vocab = model.shape().vocab().size();
        RankedExecutor executor = RankedExecutor.start(model, capacity);
        assertThat(device.ownBytes()).as("taken").isEqualTo(planned).isPositive();
        var limits = new Limits(CACHE, 1, SEATS, CONTEXT, ROWS - SEATS, 1024, 100);
        var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
        var info = new EngineInfo("cpu", vocab, CONTEXT, Set.of(), 1, CACHE, SEATS);
        try (var engine = LocalEngine.start(scheduler, executor, info, LoopOptions.of(1))) {
            int before = memory.calls.get();
            memory.refusing = true;
            serve(engine, vocab);
            assertThat(memory.calls.get()).as("calls for memory while serving").isEqualTo(before);
            assertThat(device.ownBytes()).isEqualTo(planned);
            assertThat(engine.load().cachedPromptTokens()).isPositive();
        }
    }

    /** One alone behind a long past, whose splits are spread over threads; many, of which some share a prefix. */
    private static void serve(LocalEngine engine, int vocab) throws InterruptedException {
        var random = new SplittableRandom(3);
        Answer.greedy(engine, List.of(tokens(random, 1100, vocab)), 3);
        int[] shared = tokens(random, 700, vocab);
        var prompts = new ArrayList<int[]>();
        for (int i = 0; i < 2 * SEATS; i++) {
            int[] prompt = tokens(random, i % 3 == 0 ? 1 + 20 * i : 705 + i, vocab);
            System.arraycopy(shared, 0, prompt, 0, Math.min(prompt.length, 700));
            prompts.add(prompt);
        }
        Answer.greedy(engine, prompts, 6);
    }

    private static int[] tokens(SplittableRandom random, int count, int vocab) {
        return random.ints(count, 3, vocab).toArray();
    }

    @ParameterizedTest
    @CsvSource({"llama3-bf16", "qwen2-window", "qwen3-bf16"})
    void everyFamilyTakesWhatWasPlanned(String name) {
        CpuDevice device = device("auto", 2, new Taken());
        assertThat(device).isNotNull();
        Checkpoint checkpoint =
                ModelFolder.open(GoldenModels.named(name).folder()).checkpoint();
        var capacity = new Capacity(SEATS, ROWS, CACHE, 4, CONTEXT, KvType.BF16);
        long planned = planned(checkpoint, device, capacity, Quantization.NONE);
        LoadedModel model = ModelLoader.load(checkpoint, List.of(device), LoadSettings.plain());
        RankedExecutor executor = RankedExecutor.start(model, capacity);
        assertThat(device.ownBytes()).isEqualTo(planned).isPositive();
        executor.close();
    }

    @Test
    void withoutTheMemoryTheStartIsRefusedAndSaysWhatToLower() {
        var memory = new Taken();
        CpuDevice device = device("vector", 2, memory);
        assertThat(device).isNotNull();
        LoadedModel model = ModelLoader.load(demo(), List.of(device), LoadSettings.plain());
        memory.refusing = true;
        var capacity = new Capacity(SEATS, ROWS, CACHE, 1, CONTEXT, KvType.BF16);
        assertThatThrownBy(() -> RankedExecutor.start(model, capacity))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("not enough memory (injected); lower ")
                .hasMessageContaining("--chunked-prefill-size");
    }

    private static long planned(Checkpoint checkpoint, CpuDevice device, Capacity capacity, Quantization quantization) {
        var storage = MemoryPlan.Storage.of(device, capacity.kvType(), quantization);
        MemoryPlan plan = MemoryNeed.of(checkpoint, device, new Mesh(0, 1), capacity, storage);
        return plan.parts().stream()
                .filter(part -> part.what().equals("kernels"))
                .mapToLong(MemoryPlan.Part::bytes)
                .sum();
    }

    private static Checkpoint demo() {
        return ModelFolder.open(Path.of(System.getProperty("espalier.root"), "models", "demo"))
                .checkpoint();
    }

    private static @Nullable CpuDevice device(String kernels, int threads, Taken memory) {
        CpuKernels which = CpuKernels.valueOf(kernels.toUpperCase(java.util.Locale.ROOT));
        var settings = new DeviceProvider.Settings(1, threads, DeviceProvider.Products.FASTEST, which);
        try {
            return new CpuDevice(
                    settings,
                    new ThreadRanks(1),
                    0,
                    new OpMemory.Source(memory::arena, 1 << 20),
                    Placement.anywhere(threads));
        } catch (EngineFault none) {
            assertThat(none).hasMessageStartingWith("--cpu-kernels " + kernels);
            System.out.println("CpuMemoryTest: " + none.getMessage());
            return null;
        }
    }

    /** Counts every call for memory, and refuses them when it is told to. */
    private static final class Taken {
        private final AtomicInteger calls = new AtomicInteger();
        private volatile boolean refusing;

        private void call() {
            calls.incrementAndGet();
            if (refusing) {
                throw new OutOfMemoryError("injected");
            }
        }

        Arena arena() {
            call();
            Arena inner = Arena.ofShared();
            return new Arena() {
                @Override
                public MemorySegment allocate(long bytes, long alignment) {
                    call();
                    return inner.allocate(bytes, alignment);
                }

                /** Whoever makes memory of its own the arena's asks for this. */
                @Override
                public MemorySegment.Scope scope() {
                    call();
                    return inner.scope();
                }

                @Override
                public void close() {
                    inner.close();
                }
            };
        }
    }
}
