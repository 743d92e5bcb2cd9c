package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.DummyCheckpoint;
import espalier.checkpoint.ModelFolder;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.ProductChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.cuda.sim.SimulatedDriver;
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
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.SharedPrefixes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** All of a GPU's memory is taken while an engine starts, with recorded steps and without, and is in the plan. */
@Timeout(120)
class CudaMemoryTest {
    private static final int SEATS = 4;
    private static final int CONTEXT = 64;
    private static final int CACHE = 128;

    /** What is planned for losses between allocations. */
    private static final long ROUNDING = 1536 << 10;

    @ParameterizedTest
    @CsvSource({"llama3-bf16, 90a, 4", "llama3-bf16, 90a, 0", "qwen2-window, 80, 0", "qwen3-bf16, 80, 2"})
    void servingAllocatesNothing(String name, String arch, int mostRecorded) throws InterruptedException {
        SimulatedDriver driver = driver(arch);
        if (driver == null) {
            return; // said by the simulator
        }
        LoadedModel model = model(driver, name, mostRecorded);
        int vocab = model.shape().vocab().size();
        var executor = RankedExecutor.start(model, new Capacity(SEATS, 32, CACHE, 1, CONTEXT, DType.BF16));
        var limits = new Limits(CACHE, 1, SEATS, CONTEXT, 24, 1024, 100);
        var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
        var info = new EngineInfo("test", vocab, CONTEXT, Set.of(), 1, CACHE, SEATS);
        try (var engine = LocalEngine.start(scheduler, executor, info, LoopOptions.of(1))) {
            int taken = driver.faults().calls("allocate");
            int pinned = driver.faults().calls("allocatePinned");
            Answer.greedy(engine, prompts(1, 5, vocab), 2);
            Answer.greedy(engine, prompts(6, 22, vocab), 5); // more than there are seats, behind one prefix
            chooseInEveryWay(engine, vocab);
            assertThat(driver.faults().calls("allocate")).isEqualTo(taken);
            assertThat(driver.faults().calls("allocatePinned")).isEqualTo(pinned);
            assertThat(engine.load().cachedPromptTokens()).isPositive();
        }
    }

    /** With histories, biases, masks and barred ids, which are lists that a step's orders carry. */
    private static void chooseInEveryWay(LocalEngine engine, int vocab) throws InterruptedException {
        var biases = new HashMap<Integer, Float>();
        for (int id = 0; id < vocab; id++) {
            biases.put(id, 1f);
        }
        List<UnaryOperator<SamplingParams.Builder>> ways = List.of(
                p -> p.temperature(1).frequencyPenalty(0.5f).repetitionPenalty(1.1f),
                p -> p.temperature(0).logitBias(biases).logprobs(5),
                p -> p.temperature(1).topP(0.9f).topK(30).minP(0.01f).logprobs(SamplingParams.MAX_LOGPROBS),
                p -> p.temperature(0).minNewTokens(3).stopTokenIds(Set.of(1, 2, 3)),
                p -> p.temperature(1).presencePenalty(1));
        var open = new ArrayList<Generation>();
        for (int i = 0; i < 2 * ways.size(); i++) {
            int[] prompt = prompts(1, 20 + i, vocab).getFirst();
            SamplingParams.Builder params = SamplingParams.builder().maxNewTokens(6);
            var sampling = ways.get(i % ways.size()).apply(params).build();
            open.add(engine.submit(new GenerateRequest("way " + i, Tokens.of(prompt), sampling)));
        }
        for (Generation each : open) {
            Emission next = each.next();
            while (next instanceof Emission.Token) {
                next = each.next();
            }
            assertThat(next).isInstanceOf(Emission.Done.class);
        }
    }

    /** Whatever the simulator hands out, modules' variables included, down to what is lost between allocations. */
    @ParameterizedTest
    @CsvSource({"llama3-bf16, 90a, 4", "llama3-bf16, 80, 0", "qwen2-window, 90a, 2", "qwen3-bf16, 75, 2"})
    void whatATinyModelTakesWasPlanned(String name, String arch, int mostRecorded) {
        SimulatedDriver driver = driver(arch);
        if (driver == null) {
            return;
        }
        var device = new CudaDevice(driver, setup(mostRecorded, SimulatedDevices.activations(arch)));
        DType type = device.ops().activations();
        Checkpoint checkpoint =
                ModelFolder.open(GoldenModels.named(name).folder()).checkpoint();
        var capacity = new Capacity(SEATS, 32, CACHE, 1, CONTEXT, type);
        long planned = planned(checkpoint, device, capacity);
        long before = driver.memory().total();
        LoadedModel model = ModelLoader.load(checkpoint, List.of(device), LoadSettings.plain());
        var executor = RankedExecutor.start(model, capacity);
        long taken = before - driver.memory().free();
        executor.close();
        assertThat(planned - taken).as("planned beyond what was taken").isBetween(0L, ROUNDING);
    }

    /** At the size of a real model and a real card, to the megabyte; on a driver that does nothing else. */
    @ParameterizedTest
    @CsvSource({"9, 1024, 8192", "8, 1024, 8192", "8, 256, 131072", "9, 16, 131072", "8, 1, 8192"})
    void whatALargeModelTakesWasPlanned(int major, int seats, int context) {
        var driver = new DryDriver(major);
        var device = new CudaDevice(driver, setup(256, DType.BF16));
        Checkpoint checkpoint = DummyCheckpoint.of(new JsonMapper().readTree(HostTimeBench.CONFIG));
        var capacity = new Capacity(seats, 8192 + seats, 200_000, 1, context, DType.BF16);
        long planned = planned(checkpoint, device, capacity);
        LoadedModel model = ModelLoader.load(checkpoint, List.of(device), LoadSettings.plain());
        RankedExecutor executor = RankedExecutor.start(model, capacity);
        assertThat(planned - driver.used())
                .as("planned beyond what was taken: %s", driver.taken())
                .isBetween(0L, ROUNDING);
        executor.close();
    }

    private static long planned(Checkpoint checkpoint, CudaDevice device, Capacity capacity) {
        var storage = MemoryPlan.Storage.of(device, capacity.kvType(), Quantization.NONE);
        MemoryPlan plan = MemoryNeed.of(checkpoint, device, new Mesh(0, 1), capacity, storage);
        long cache = (long) capacity.pages() * capacity.pageSize() * plan.kvBytesPerToken();
        return plan.weightBytes() + plan.workspaceBytes() + cache;
    }

    @Test
    void reserveAndPiecesFollowTheCard() {
        assertThat(defaults(24).prefillTokens()).isEqualTo(2048);
        assertThat(defaults(48).prefillTokens()).isEqualTo(4096);
        assertThat(defaults(80).prefillTokens()).isEqualTo(8192);
        assertThat(defaults(180).prefillTokens()).isEqualTo(16_384);
        long gib = 1L << 30;
        // 512 MB and 2 a recorded sequence beside the step; on a large card ten gigabytes in all.
        assertThat(defaults(24).cache().bytes(24 * gib, 8 * gib, gib)).isEqualTo(15 * gib - (1L << 30));
        assertThat(defaults(80).cache().bytes(80 * gib, 16 * gib, gib)).isEqualTo(54 * gib);
        assertThat(defaults(80).cache().bytes(80 * gib, 16 * gib, 12 * gib)).isEqualTo(51 * gib);
    }

    private static Device.Defaults defaults(int gibibytes) {
        var card = new DeviceProperties(0, "dry", 9, 0, 132, 227 << 10, 50L << 20, (long) gibibytes << 30, 13000);
        try (var device = new CudaDevice(new DryDriver(card), setup(256, DType.BF16))) {
            return device.defaults();
        }
    }

    @Test
    void contextBeyondTheCacheTakesPageTablesAndHistoriesAlone() {
        SimulatedDriver small = driver("90a");
        SimulatedDriver large = driver("90a");
        if (small == null || large == null) {
            return;
        }
        int longer = 1 << 14;
        long tables = 4L * SEATS * (longer - CACHE);
        long histories = 2 * 4L * (longer - CACHE); // that the sampler may be told
        assertThat(taken(large, longer) - taken(small, CACHE)).isBetween(tables + histories, tables + histories + 4096);
    }

    private static long taken(SimulatedDriver driver, int context) {
        LoadedModel model = model(driver, "llama3-bf16", 1);
        long before = driver.memory().free();
        var executor = RankedExecutor.start(model, new Capacity(SEATS, 32, CACHE, 1, context, DType.BF16));
        long taken = before - driver.memory().free();
        executor.close();
        return taken;
    }

    private static @org.jspecify.annotations.Nullable SimulatedDriver driver(String arch) {
        return SimulatedDriver.open(SimulatedDriver.Setup.of(arch).unchecked()).orElse(null);
    }

    private static LoadedModel model(SimulatedDriver driver, String name, int mostRecorded) {
        var folder = ModelFolder.open(GoldenModels.named(name).folder());
        var device = new CudaDevice(driver, setup(mostRecorded, DType.BF16));
        return ModelLoader.load(folder.checkpoint(), List.of(device), LoadSettings.plain());
    }

    private static CudaDevice.Setup setup(int mostRecorded, DType activations) {
        return new CudaDevice.Setup(
                activations,
                mostRecorded,
                ProductKernels.Mode.FASTEST,
                CudaDevice.Tuning.ASSUMED,
                ProductChoices.forgotten(),
                new SharedPrefixes.Least(2, 16, 16));
    }

    /** Of prompts that begin alike. */
    private static List<int[]> prompts(int count, int tokens, int vocab) {
        var random = new SplittableRandom(3);
        int[] shared = random.ints(tokens, 0, vocab).toArray();
        var all = new ArrayList<int[]>();
        for (int i = 0; i < count; i++) {
            int[] prompt = random.ints(tokens + i, 0, vocab).toArray();
            System.arraycopy(shared, 0, prompt, 0, tokens - 2);
            all.add(prompt);
        }
        return all;
    }
}
