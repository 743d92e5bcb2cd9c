package espalier.engine;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
import espalier.exec.Capacity;
import espalier.exec.LoadSettings;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.golden.Answer;
import espalier.golden.GoldenModels;
import espalier.sched.Limits;
import espalier.sched.Policy;
import espalier.sched.Scheduler;
import espalier.sched.StepShape;
import espalier.sched.Strategy;
import espalier.tensor.DType;
import espalier.tensor.reference.ReferenceDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A real model behind the real executor: what a request gets does not depend on who else is there, bit for bit. */
@Timeout(120)
class InvarianceTest {
    private static final int CONTEXT = 64;
    private static final Set<Integer> END = Set.of(2);

    @Test
    void tokensAndLogprobsAreTheSameAloneCrowdedRetractedUncachedAndWithoutOverlap() throws InterruptedException {
        var requests = requests();
        var roomy = new Limits(1000, 1, 1, CONTEXT, 64, 64, 99);
        var alone = run(requests, roomy, Strategy.standard(), LoopOptions.of(1), 0);
        var tight = new Limits(30, 3, 8, CONTEXT, 7, 64, 99);
        var eager = new Strategy(Policy.FCFS, 0.05, true, StepShape.MIXED, 0);
        assertThat(run(requests, tight, eager, LoopOptions.of(1), 1)).isEqualTo(alone);
        assertThat(run(requests, tight, eager.withoutPrefixCache(), LoopOptions.of(1), 1))
                .isEqualTo(alone);
        var other = new Strategy(Policy.DFS_WEIGHT, 1, true, StepShape.PREFILL_FIRST, 0);
        var middle = new Limits(200, 2, 6, CONTEXT, 16, 16, 99);
        assertThat(run(requests, middle, other, LoopOptions.of(1).withoutOverlap(), 0))
                .isEqualTo(alone);
    }

    private static List<GenerateRequest> requests() {
        var random = new SplittableRandom(4);
        int[] shared = random.ints(20, 3, 128).toArray();
        var requests = new ArrayList<GenerateRequest>();
        for (int i = 0; i < 10; i++) {
            int[] prompt = random.ints(1 + random.nextInt(24), 3, 128).toArray();
            System.arraycopy(shared, 0, prompt, 0, Math.min(random.nextInt(21), prompt.length));
            var params = SamplingParams.builder()
                    .maxNewTokens(8 + random.nextInt(20))
                    .ignoreEos(true)
                    .temperature(i % 3 == 0 ? 0 : 0.8f)
                    .topP(i % 2 == 0 ? 1 : 0.9f)
                    .presencePenalty(i % 4 == 0 ? 0.5f : 0)
                    .seed((long) i)
                    .logprobs(0);
            requests.add(new GenerateRequest("r" + i, Tokens.of(prompt), params.build()));
        }
        return requests;
    }

    private static List<List<Answer.Scored>> run(
            List<GenerateRequest> requests, Limits limits, Strategy strategy, LoopOptions options, int retractions)
            throws InterruptedException {
        var checkpoint =
                ModelFolder.open(GoldenModels.root().resolve("qwen3-f32")).checkpoint();
        var model = ModelLoader.load(checkpoint, List.of(new ReferenceDevice()), LoadSettings.plain());
        int seats = limits.maxRunningRequests();
        var executor = RankedExecutor.start(
                model,
                new Capacity(seats, limits.maxStepTokens(), limits.pages(), limits.pageSize(), CONTEXT, DType.F32));
        var info = new EngineInfo("reference", 128, CONTEXT, END, limits.pageSize(), limits.maxTotalTokens(), seats);
        try (var engine = LocalEngine.start(new Scheduler(limits, strategy, END), executor, info, options)) {
            var open = requests.stream().map(engine::submit).toList();
            var answers = new ArrayList<List<Answer.Scored>>();
            for (Generation generation : open) {
                answers.add(Answer.of(generation).tokens());
            }
            assertThat(engine.load().retractions()).isGreaterThanOrEqualTo(retractions);
            return answers;
        }
    }
}
