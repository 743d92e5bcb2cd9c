package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.EngineInfo;
import espalier.checkpoint.ModelFolder;
import espalier.cuda.kernel.KernelChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.cuda.sim.SimulatedDriver;
import espalier.engine.LocalEngine;
import espalier.engine.LoopOptions;
import espalier.exec.Capacity;
import espalier.exec.LoadSettings;
import espalier.exec.LoadedModel;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.golden.Answer;
import espalier.golden.GoldenModels;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import espalier.tensor.DType;
import espalier.tensor.SharedPrefixes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** All of a GPU's memory is taken while an engine starts, with recorded steps and without. */
@Timeout(120)
class CudaMemoryTest {
    private static final int SEATS = 4;
    private static final int CONTEXT = 64;
    private static final int CACHE = 128;

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
            Answer.greedy(engine, prompts(1, 5, vocab), 2);
            Answer.greedy(engine, prompts(6, 22, vocab), 5); // more than there are seats, behind one prefix
            assertThat(driver.faults().calls("allocate")).isEqualTo(taken);
            assertThat(engine.load().cachedPromptTokens()).isPositive();
        }
    }

    @Test
    void contextBeyondTheCacheTakesPageTablesAlone() {
        SimulatedDriver small = driver("90a");
        SimulatedDriver large = driver("90a");
        if (small == null || large == null) {
            return;
        }
        int longer = 1 << 14;
        long tables = 4L * SEATS * (longer - CACHE);
        assertThat(taken(large, longer) - taken(small, CACHE)).isBetween(tables, tables + 4096);
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
        var setup = new CudaDevice.Setup(
                DType.BF16,
                mostRecorded,
                ProductKernels.Mode.FASTEST,
                CudaDevice.Tuning.ASSUMED,
                KernelChoices.forgotten(),
                new SharedPrefixes.Least(2, 16, 16));
        var folder = ModelFolder.open(GoldenModels.named(name).folder());
        return ModelLoader.load(folder.checkpoint(), List.of(new CudaDevice(driver, setup)), LoadSettings.plain());
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
