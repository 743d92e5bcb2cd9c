package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
import espalier.cuda.kernel.KernelChoices;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code --enable-deterministic-inference}: tokens and the bits of log-probabilities, alone, together, and from the cache. */
@Timeout(120)
class CudaDeterminismTest {
    private static final int REQUESTS = 5;
    private static final int CONTEXT = 64;
    private static final int NEW_TOKENS = 3;

    private record Answer(List<Integer> ids, List<Integer> bits, int cached) {
        boolean same(Answer other) {
            return ids.equals(other.ids) && bits.equals(other.bits);
        }
    }

    @Test
    void anAnswerHasTheSameBitsAloneInABatchAndAfterAPrefixHit() throws InterruptedException {
        var driver = SimulatedDriver.open(SimulatedDriver.Setup.of("90a").unchecked());
        if (driver.isEmpty()) {
            return; // said by the simulator
        }
        var setup = new CudaDevice.Setup(
                DType.BF16, 4, ProductKernels.Mode.DETERMINISTIC, CudaDevice.Tuning.ASSUMED, KernelChoices.forgotten());
        try (LocalEngine engine = engine(new CudaDevice(driver.get(), setup))) {
            var prompts = new ArrayList<int[]>();
            var random = new SplittableRandom(5);
            for (int i = 0; i < REQUESTS; i++) {
                prompts.add(random.ints(9 + 5 * i, 0, engine.info().vocabSize()).toArray());
            }
            var alone = new ArrayList<Answer>();
            for (int[] prompt : prompts) {
                assertThat(engine.flushCache()).isTrue();
                alone.addAll(answers(engine, List.of(prompt)));
            }
            assertThat(engine.flushCache()).isTrue();
            List<Answer> together = answers(engine, prompts);
            List<Answer> again = answers(engine, prompts);
            for (int i = 0; i < REQUESTS; i++) {
                assertThat(together.get(i).same(alone.get(i)))
                        .as("%d in a batch: %s, alone %s", i, together, alone)
                        .isTrue();
                assertThat(again.get(i).same(alone.get(i)))
                        .as("%d from the cache: %s, alone %s", i, again, alone)
                        .isTrue();
                assertThat(again.get(i).cached).isEqualTo(prompts.get(i).length - 2);
            }
        }
    }

    private static LocalEngine engine(CudaDevice device) {
        var folder = ModelFolder.open(GoldenModels.named("llama3-bf16").folder());
        var model = ModelLoader.load(folder.checkpoint(), List.of(device), LoadSettings.plain());
        int vocab = model.shape().vocab().size();
        var executor = RankedExecutor.start(model, new Capacity(REQUESTS, 32, 256, 1, CONTEXT, DType.BF16));
        var limits = new Limits(256, 1, REQUESTS, CONTEXT, 24, 1024, 100);
        var scheduler = new Scheduler(limits, Strategy.standard().withLeastPromptRows(2), Set.of());
        var info = new EngineInfo("test", vocab, CONTEXT, Set.of(), 1, 256, REQUESTS);
        return LocalEngine.start(scheduler, executor, info, LoopOptions.of(1));
    }

    private static List<Answer> answers(LocalEngine engine, List<int[]> prompts) throws InterruptedException {
        var params = SamplingParams.builder()
                .maxNewTokens(NEW_TOKENS)
                .ignoreEos(true)
                .temperature(0)
                .logprobs(0)
                .build();
        var open = new ArrayList<Generation>();
        for (int[] prompt : prompts) {
            open.add(engine.submit(new GenerateRequest("r" + open.size(), Tokens.of(prompt), params)));
        }
        var all = new ArrayList<Answer>();
        for (Generation each : open) {
            var ids = new ArrayList<Integer>();
            var bits = new ArrayList<Integer>();
            Emission next = each.next();
            while (next instanceof Emission.Token token) {
                ids.add(token.id());
                bits.add(Float.floatToRawIntBits(
                        Objects.requireNonNull(token.logprobs()).chosen()));
                next = each.next();
            }
            assertThat(next).isInstanceOf(Emission.Done.class);
            all.add(new Answer(ids, bits, ((Emission.Done) next).cachedTokens()));
        }
        return all;
    }
}
