package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.DummyCheckpoint;
import espalier.checkpoint.ModelFolder;
import espalier.cuda.driver.Program;
import espalier.cuda.kernel.ProductChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.cuda.sim.SimulatedDriver;
import espalier.engine.LocalEngine;
import espalier.engine.LoopOptions;
import espalier.exec.Capacity;
import espalier.exec.Executor;
import espalier.exec.LoadSettings;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.golden.GoldenModels;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Speed;
import espalier.sched.Strategy;
import espalier.step.StepPlan;
import espalier.tensor.DType;
import espalier.tensor.SharedPrefixes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.json.JsonMapper;

/** Whatever is served, a device that has started compiles and loads nothing more. */
@Timeout(120)
class RehearsalTest {
    private static final SharedPrefixes.Least SHARING = new SharedPrefixes.Least(4, 16, 16);

    /** Products take other kernels for other numbers of rows: each number of which another kernel may serve is tried. */
    @ParameterizedTest
    @EnumSource(ProductKernels.Mode.class)
    void noNumberOfRowsAsksForAProgramThatWasNotPrepared(ProductKernels.Mode mode) {
        var driver = new DryDriver(9);
        var setup = new CudaDevice.Setup(
                DType.BF16, 64, mode, CudaDevice.Tuning.ASSUMED, ProductChoices.forgotten(), sharing(mode));
        var checkpoint = DummyCheckpoint.of(new JsonMapper()
                .readTree(HostTimeBench.CONFIG.replace("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 1")));
        var model = ModelLoader.load(checkpoint, List.of(new CudaDevice(driver, setup)), LoadSettings.plain());
        var limits = new Limits(1 << 20, 1, 300, 16384, 8448, 16384, 1 << 20);
        try (Executor executor =
                RankedExecutor.start(model, new Capacity(300, limits.maxStepTokens(), 1 << 20, 1, 16384, DType.BF16))) {
            Set<Program> prepared = driver.asked();
            var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
            long id = 0;
            for (int rows = 1; rows < 8448; rows += rows < 600 ? 7 : 61) {
                submit(scheduler, id++, rows, 1);
                step(scheduler, executor);
            }
            submit(
                    scheduler, id++, 12_000,
                    3); // in pieces, the second of which has a past of more than 8,192 positions
            for (int i = 0; i < 250; i++) {
                submit(scheduler, id++, 20, 10);
                step(scheduler, executor);
            }
            assertThat(unprepared(driver.asked(), prepared)).isEmpty();
        }
    }

    private static SharedPrefixes.Least sharing(ProductKernels.Mode mode) {
        return mode == ProductKernels.Mode.FASTEST ? SHARING : SharedPrefixes.Least.NEVER;
    }

    private static void submit(Scheduler scheduler, long id, int prompt, int output) {
        var ids = new int[prompt];
        Arrays.setAll(ids, i -> (int) ((id * 7919 + i * 31L) % 128_000));
        var params = SamplingParams.builder()
                .maxNewTokens(output)
                .ignoreEos(true)
                .temperature(0)
                .build();
        scheduler.submit(id, new GenerateRequest("r" + id, Tokens.of(ids), params), 0, null);
    }

    private static void step(Scheduler scheduler, Executor executor) {
        StepPlan plan = scheduler.plan(Speed.UNKNOWN);
        Executor.Flight flight = executor.launch(plan);
        flight.sample(scheduler.sampling());
        scheduler.complete(flight.await());
    }

    private static List<String> unprepared(Set<Program> asked, Set<Program> prepared) {
        return asked.stream()
                .filter(p -> !prepared.contains(p))
                .map(Program::title)
                .sorted()
                .toList();
    }

    @ParameterizedTest
    @CsvSource({
        "llama3-bf16, 90a, FASTEST, 8",
        "llama3-bf16, 90a, DETERMINISTIC, 8",
        "qwen3-bf16, 90a, FASTEST, 0",
        "qwen2-window, 80, FASTEST, 8",
        "llama-bias, 89, DETERMINISTIC, 8",
        "mistral-f32, 80, FASTEST, 0"
    })
    void servingCompilesNothing(String name, String arch, ProductKernels.Mode mode, int recorded)
            throws InterruptedException {
        Optional<SimulatedDriver> driver = SimulatedDriver.open(SimulatedDriver.Setup.of(arch));
        if (driver.isEmpty()) {
            return;
        }
        var setup = new CudaDevice.Setup(
                DType.BF16, recorded, mode, CudaDevice.Tuning.ASSUMED, ProductChoices.forgotten(), sharing(mode));
        var checkpoint = ModelFolder.open(GoldenModels.named(name).folder()).checkpoint();
        var model = ModelLoader.load(checkpoint, List.of(new CudaDevice(driver.get(), setup)), LoadSettings.plain());
        int vocab = model.shape().vocab().size();
        var limits = new Limits(512, 1, 8, 128, 24, 1024, 100);
        var executor = RankedExecutor.start(model, new Capacity(8, limits.maxStepTokens(), 512, 1, 128, DType.BF16));
        Set<Program> prepared = driver.get().programs();
        var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
        var info = new EngineInfo("test", vocab, 128, Set.of(), 1, 512, 8);
        try (var engine = LocalEngine.start(scheduler, executor, info, LoopOptions.of(1))) {
            Tokens prefix = Tokens.of(
                    new java.util.SplittableRandom(5).ints(40, 0, vocab).toArray());
            Generation warm = engine.submit(new GenerateRequest("w", prefix, greedy(2)));
            assertThat(listen(warm)).isEqualTo(2);
            var open = new ArrayList<Generation>();
            for (int i = 0; i < 8; i++) {
                open.add(engine.submit(new GenerateRequest("r" + i, with(prefix, i, vocab), params(i))));
            }
            for (Generation each : open) {
                assertThat(listen(each)).isPositive();
            }
        }
        driver.get().expectNoFindings();
        assertThat(unprepared(driver.get().programs(), prepared)).isEmpty();
    }

    /** The prefix and some of its own; the last has nothing in common and is read in pieces. */
    private static Tokens with(Tokens prefix, int number, int vocab) {
        int shared = number == 7 ? 0 : prefix.size();
        var ids = new int[number == 7 ? 70 : shared + 1 + number];
        Arrays.setAll(ids, i -> i < shared ? prefix.get(i) : (17 + 13 * i + number) % vocab);
        return Tokens.of(ids);
    }

    private static SamplingParams greedy(int tokens) {
        return SamplingParams.builder()
                .maxNewTokens(tokens)
                .ignoreEos(true)
                .temperature(0)
                .build();
    }

    private static SamplingParams params(int number) {
        SamplingParams.Builder all =
                SamplingParams.builder().maxNewTokens(3 + number).ignoreEos(true);
        return switch (number % 4) {
            case 0 -> all.temperature(0).logprobs(3).build();
            case 1 -> all.temperature(0.8f).topK(5).topP(0.9f).minP(0.05f).build();
            case 2 ->
                all.temperature(1).presencePenalty(0.5f).repetitionPenalty(1.2f).build();
            default -> all.temperature(0).build();
        };
    }

    private static int listen(Generation generation) throws InterruptedException {
        int tokens = 0;
        Emission next = generation.next();
        while (next instanceof Emission.Token) {
            tokens++;
            next = generation.next();
        }
        assertThat(next).isInstanceOf(Emission.Done.class);
        return tokens;
    }
}
