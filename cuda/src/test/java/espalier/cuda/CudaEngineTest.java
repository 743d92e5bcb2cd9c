package espalier.cuda;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import espalier.api.Emission;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
import espalier.cuda.kernel.ProductChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.cuda.sim.SimulatedDriver;
import espalier.engine.LocalEngine;
import espalier.engine.LoopOptions;
import espalier.exec.Capacity;
import espalier.exec.LoadSettings;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.golden.GoldenModels;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.SharedPrefixes;
import espalier.tensor.reference.ReferenceDevice;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The whole path on the simulated device: scheduler, radix tree, paged cache, recorded steps, sampler, with eight requests at
 * once that share a prefix. Greedy tokens are the reference's, which computes in F32, up to a step at which its two best
 * logits lie so close that 16 bits may well take the other; until then log-probabilities agree too. Of some prompts those are
 * asked whose answers are the clearest, so that most steps are compared.
 */
@Timeout(120)
class CudaEngineTest {
    private static final int REQUESTS = 8;
    private static final int CONTEXT = 64;
    private static final int NEW_TOKENS = 6;
    private static final int SHARED_TOKENS = 20;
    private static final int CANDIDATES = 16;
    private static final int VOCABULARY = 128;

    /** Of the logits of the reference's two best tokens. */
    private static final double CLOSE = 5e-2;

    /** Of log-probabilities. */
    private static final double TOLERANCE = 0.1;

    @ParameterizedTest
    @CsvSource({
        "llama2-f32, 90a",
        "llama3-bf16, 90a",
        "llama-bias, 90a",
        "qwen2-bf16, 90a",
        "qwen3-bf16, 90a",
        "mistral-bf16, 90a",
        "llama2-bf16, 80",
        "llama3-bf16, 80",
        "llama-f16, 80",
        "qwen2-window, 80",
        "qwen3-bias, 80",
        "mistral-f32, 80",
        "llama2-f32, 75",
        "llama3-f32, 75",
        "qwen2-f32, 75",
        "qwen3-f32, 75",
        "mistral-bf16, 75",
        "llama3-bf16, 89",
        "qwen3-bf16, 100a",
        "mistral-bf16, 120"
    })
    void greedyAnswersAreTheReferencesUntilALogitIsTooClose(String model, String arch) throws InterruptedException {
        DType activations = SimulatedDevices.activations(arch);
        SimulatedDevices.on(SimulatedDriver.Setup.of(arch), SimulatedDevices.setup(4, activations), device -> {
            List<Answer> want = clearest(answers(model, new ReferenceDevice(), DType.F32, prompts()));
            List<Tokens> prompts = want.stream().map(Answer::prompt).toList();
            List<Answer> got = answers(model, device, activations, prompts);
            int compared = 0;
            for (int i = 0; i < REQUESTS; i++) {
                compared += compared(got.get(i).tokens, want.get(i).tokens);
            }
            assertThat(compared).as("steps compared").isGreaterThanOrEqualTo(REQUESTS * NEW_TOKENS * 9 / 10);
        });
    }

    /** In recorded steps, whose groups come and go between replays. */
    @ParameterizedTest
    @CsvSource({"llama3-bf16, 90a", "qwen3-bf16, 80"})
    void readingASharedPrefixOnceChangesNoToken(String model, String arch) throws InterruptedException {
        List<Tokens> prompts = clearest(answers(model, new ReferenceDevice(), DType.F32, prompts())).stream()
                .map(Answer::prompt)
                .toList();
        List<List<Integer>> byEach = ids(model, arch, SharedPrefixes.Least.NEVER, prompts);
        List<List<Integer>> once = ids(model, arch, new SharedPrefixes.Least(2, 16, 16), prompts);
        assertThat(once).isEqualTo(byEach);
    }

    private static List<List<Integer>> ids(String model, String arch, SharedPrefixes.Least least, List<Tokens> prompts)
            throws InterruptedException {
        Optional<SimulatedDriver> driver = SimulatedDriver.open(SimulatedDriver.Setup.of(arch));
        if (driver.isEmpty()) {
            return List.of();
        }
        var setup = new CudaDevice.Setup(
                DType.BF16,
                REQUESTS,
                ProductKernels.Mode.FASTEST,
                CudaDevice.Tuning.ASSUMED,
                ProductChoices.forgotten(),
                least);
        List<Answer> answers = answers(model, new CudaDevice(driver.get(), setup), DType.BF16, prompts);
        driver.get().expectNoFindings();
        assertThat(driver.get().programs().stream().anyMatch(p -> p.name().equals("prefix_attention.cu")))
                .isEqualTo(!least.equals(SharedPrefixes.Least.NEVER));
        return answers.stream()
                .map(a -> a.tokens().stream().map(Emission.Token::id).toList())
                .toList();
    }

    private record Answer(Tokens prompt, List<Emission.Token> tokens) {
        float leastGap() {
            return (float)
                    tokens.stream().mapToDouble(CudaEngineTest::gap).min().orElse(0);
        }
    }

    private static float gap(Emission.Token token) {
        float[] best = requireNonNull(token.logprobs()).topLogprobs();
        return best[0] - best[1];
    }

    private static List<Answer> clearest(List<Answer> all) {
        return all.stream()
                .sorted(Comparator.comparing(Answer::leastGap).reversed())
                .limit(REQUESTS)
                .toList();
    }

    /** Steps that agree. */
    private static int compared(List<Emission.Token> got, List<Emission.Token> want) {
        assertThat(got).hasSameSizeAs(want);
        for (int j = 0; j < want.size(); j++) {
            if (got.get(j).id() != want.get(j).id()) {
                assertThat(gap(want.get(j)))
                        .as(
                                "gap where token %d is %d, not %d",
                                j, got.get(j).id(), want.get(j).id())
                        .isLessThan((float) CLOSE);
                return j;
            }
            assertThat(chosen(got.get(j)))
                    .as("log-probability of token %d", j)
                    .isCloseTo(chosen(want.get(j)), within(TOLERANCE));
        }
        return want.size();
    }

    private static double chosen(Emission.Token token) {
        return requireNonNull(token.logprobs()).chosen();
    }

    private static List<Answer> answers(String name, Device device, DType kvType, List<Tokens> prompts)
            throws InterruptedException {
        var folder = ModelFolder.open(GoldenModels.named(name).folder());
        var model = ModelLoader.load(folder.checkpoint(), List.of(device), LoadSettings.plain());
        int vocab = model.shape().vocab().size();
        var executor = RankedExecutor.start(model, new Capacity(REQUESTS, 32, 256, 1, CONTEXT, kvType));
        var limits = new Limits(256, 1, REQUESTS, CONTEXT, 24, 1024, 100);
        var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
        var info = new EngineInfo("test", vocab, CONTEXT, Set.of(), 1, 256, REQUESTS);
        try (var engine = LocalEngine.start(scheduler, executor, info, LoopOptions.of(1))) {
            var open = new ArrayList<Generation>();
            for (Tokens prompt : prompts) {
                open.add(engine.submit(new GenerateRequest("r" + open.size(), prompt, greedy())));
            }
            var all = new ArrayList<Answer>();
            for (int i = 0; i < open.size(); i++) {
                all.add(new Answer(prompts.get(i), listen(open.get(i))));
            }
            return all;
        }
    }

    private static List<Tokens> prompts() {
        var all = new ArrayList<Tokens>();
        var random = new SplittableRandom(3);
        int[] shared = random.ints(SHARED_TOKENS, 0, VOCABULARY).toArray();
        for (int i = 0; i < CANDIDATES; i++) {
            int[] prompt = random.ints(SHARED_TOKENS + 2 + i, 0, VOCABULARY).toArray();
            System.arraycopy(shared, 0, prompt, 0, shared.length);
            all.add(Tokens.of(prompt));
        }
        return all;
    }

    private static SamplingParams greedy() {
        return SamplingParams.builder()
                .maxNewTokens(NEW_TOKENS)
                .ignoreEos(true)
                .temperature(0)
                .logprobs(2)
                .build();
    }

    private static List<Emission.Token> listen(Generation generation) throws InterruptedException {
        var tokens = new ArrayList<Emission.Token>();
        Emission next = generation.next();
        while (next instanceof Emission.Token token) {
            tokens.add(token);
            next = generation.next();
        }
        assertThat(next).isInstanceOf(Emission.Done.class);
        return tokens;
    }
}
