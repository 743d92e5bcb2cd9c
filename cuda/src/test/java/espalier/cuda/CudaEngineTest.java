package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.Profile;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
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
import espalier.tensor.reference.ReferenceDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The whole path on the simulated device: scheduler, radix tree, paged cache, recorded steps, sampler. Greedy answers are
 * those of the reference but where two logits are closer than bf16 can tell.
 */
@Timeout(120)
class CudaEngineTest {
    private static final int REQUESTS = 8;
    private static final int CONTEXT = 64;
    private static final int NEW_TOKENS = 6;
    private static final String MODEL = "llama3-bf16";

    @Test
    void greedyAnswersOfEightRequestsWithASharedPrefixAreTheReferences() throws InterruptedException {
        SimulatedDevices.on(SimulatedDriver.Setup.of("90a"), 4, device -> {
            List<List<Integer>> got = answers(device, DType.BF16);
            List<List<Integer>> want = answers(new ReferenceDevice(), DType.F32);
            int same = 0;
            for (int i = 0; i < REQUESTS; i++) {
                for (int j = 0;
                        j < NEW_TOKENS && got.get(i).get(j).equals(want.get(i).get(j));
                        j++) {
                    same++;
                }
            }
            assertThat(same)
                    .as("tokens of %s, the reference has %s", got, want)
                    .isGreaterThanOrEqualTo(REQUESTS * NEW_TOKENS * 9 / 10);
        });
    }

    private static List<List<Integer>> answers(Device device, DType kvType) throws InterruptedException {
        var folder = ModelFolder.open(GoldenModels.named(MODEL).folder());
        var model = ModelLoader.load(folder.checkpoint(), List.of(device), LoadSettings.plain());
        int vocab = model.shape().vocab().size();
        var executor = RankedExecutor.start(model, new Capacity(REQUESTS, 32, 256, 1, CONTEXT, kvType));
        var limits = new Limits(256, 1, REQUESTS, CONTEXT, 24, 1024, 100);
        var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
        var info = new EngineInfo("test", vocab, CONTEXT, Set.of(), 1, 256, REQUESTS);
        try (var engine = LocalEngine.start(scheduler, executor, info, LoopOptions.of(1))) {
            Profile profile = engine.profile(Profile.Steps.all());
            var open = new ArrayList<Generation>();
            var random = new SplittableRandom(3);
            int[] shared = random.ints(20, 0, vocab).toArray();
            for (int i = 0; i < REQUESTS; i++) {
                int[] prompt = random.ints(22 + i, 0, vocab).toArray();
                System.arraycopy(shared, 0, prompt, 0, shared.length);
                var params = SamplingParams.builder()
                        .maxNewTokens(NEW_TOKENS)
                        .ignoreEos(true)
                        .temperature(0)
                        .build();
                open.add(engine.submit(new GenerateRequest("r" + i, Tokens.of(prompt), params)));
            }
            var all = new ArrayList<List<Integer>>();
            for (Generation each : open) {
                all.add(listen(each));
            }
            profile.stop();
            assertThat(profile.steps()).isGreaterThanOrEqualTo(NEW_TOKENS);
            assertThat(profile.decodeBusyShare())
                    .as("of the device's own marks")
                    .isGreaterThan(0)
                    .isLessThanOrEqualTo(1);
            return all;
        }
    }

    private static List<Integer> listen(Generation generation) throws InterruptedException {
        var tokens = new ArrayList<Integer>();
        Emission next = generation.next();
        while (next instanceof Emission.Token token) {
            tokens.add(token.id());
            next = generation.next();
        }
        assertThat(next).isInstanceOf(Emission.Done.class);
        return tokens;
    }
}
