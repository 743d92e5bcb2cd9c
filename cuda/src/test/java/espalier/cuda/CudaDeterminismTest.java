package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.EngineInfo;
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
import espalier.golden.Answer;
import espalier.golden.GoldenModels;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import espalier.tensor.DType;
import java.util.ArrayList;
import java.util.List;
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

    @Test
    void anAnswerHasTheSameBitsAloneInABatchAndAfterAPrefixHit() throws InterruptedException {
        var driver = SimulatedDriver.open(SimulatedDriver.Setup.of("90a").unchecked());
        if (driver.isEmpty()) {
            return; // said by the simulator
        }
        var setup = new CudaDevice.Setup(
                DType.BF16,
                4,
                ProductKernels.Mode.DETERMINISTIC,
                CudaDevice.Tuning.ASSUMED,
                ProductChoices.forgotten());
        try (LocalEngine engine = engine(new CudaDevice(driver.get(), setup))) {
            var prompts = new ArrayList<int[]>();
            var random = new SplittableRandom(5);
            for (int i = 0; i < REQUESTS; i++) {
                prompts.add(random.ints(9 + 5 * i, 0, engine.info().vocabSize()).toArray());
            }
            var alone = new ArrayList<Answer>();
            for (int[] prompt : prompts) {
                assertThat(engine.flushCache()).isTrue();
                alone.addAll(Answer.greedy(engine, List.of(prompt), NEW_TOKENS));
            }
            assertThat(engine.flushCache()).isTrue();
            List<Answer> together = Answer.greedy(engine, prompts, NEW_TOKENS);
            List<Answer> again = Answer.greedy(engine, prompts, NEW_TOKENS);
            for (int i = 0; i < REQUESTS; i++) {
                assertThat(together.get(i).tokens())
                        .as("%d in a batch", i)
                        .isEqualTo(alone.get(i).tokens());
                assertThat(again.get(i).tokens())
                        .as("%d from the cache", i)
                        .isEqualTo(alone.get(i).tokens());
                assertThat(again.get(i).cachedTokens()).isEqualTo(prompts.get(i).length - 2);
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
}
