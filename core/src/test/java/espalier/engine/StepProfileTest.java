package espalier.engine;

import static espalier.engine.SmallEngine.listen;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Profile;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
import espalier.exec.Capacity;
import espalier.exec.FakeExecutor;
import espalier.exec.LoadSettings;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.exec.StepTrace;
import espalier.golden.GoldenModels;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import espalier.step.StepPlan;
import espalier.tensor.DType;
import espalier.tensor.reference.ReferenceDevice;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@Timeout(60)
class StepProfileTest {
    private static final int NEW_TOKENS = 12;

    private static LocalEngine engine() {
        var folder = ModelFolder.open(GoldenModels.named("qwen2-f32").folder());
        var model = ModelLoader.load(folder.checkpoint(), List.of(new ReferenceDevice()), LoadSettings.plain());
        int vocab = model.shape().vocab().size();
        var executor = RankedExecutor.start(model, new Capacity(2, 32, 64, 4, 64, DType.F32));
        var scheduler = new Scheduler(new Limits(64, 4, 2, 64, 24, 1024, 100), Strategy.standard(), Set.of());
        var info = new EngineInfo("a \"device\"", vocab, 64, Set.of(), 4, 256, 2);
        return LocalEngine.start(scheduler, executor, info, LoopOptions.of(1));
    }

    private static void answer(LocalEngine engine, int number) throws InterruptedException {
        var params = SamplingParams.builder()
                .maxNewTokens(NEW_TOKENS)
                .ignoreEos(true)
                .build();
        var request = new GenerateRequest("r" + number, Tokens.of(new int[] {3, 4, 5, 6 + number}), params);
        assertThat(listen(engine.submit(request)).tokens()).hasSize(NEW_TOKENS);
    }

    private static JsonNode events(Profile profile) throws IOException {
        var out = new ByteArrayOutputStream();
        profile.write(out);
        return new JsonMapper().readTree(out.toByteArray()).path("traceEvents");
    }

    @Test
    void eachStepIsPlannedThenQueuedThenRunThenComplete() throws Exception {
        try (var engine = engine()) {
            Profile profile = engine.profile(Profile.Steps.all());
            answer(engine, 0);
            profile.stop();
            // One for the prompt, one for each token but the first; the last may have been planned before its end was
            // known.
            assertThat(profile.steps()).isBetween(NEW_TOKENS, NEW_TOKENS + 1);
            var lanes = new HashMap<Integer, String>();
            var begins = new HashMap<String, Double>();
            var ends = new HashMap<String, Double>();
            JsonNode prompt = null;
            for (JsonNode e : events(profile)) {
                if (e.path("ph").asString().equals("M")) {
                    lanes.put(e.path("tid").asInt(), e.at("/args/name").asString());
                    continue;
                }
                String key = lanes.get(e.path("tid").asInt()) + " "
                        + e.path("name").asString() + " " + e.at("/args/step").asInt();
                begins.put(key, e.path("ts").asDouble());
                ends.put(key, e.path("ts").asDouble() + e.path("dur").asDouble());
                prompt = key.equals("device 0 run 0") ? e.path("args") : prompt;
            }
            for (int step = 0; step < NEW_TOKENS; step++) {
                assertThat(ends.get("scheduler plan " + step)).isLessThanOrEqualTo(begins.get("rank 0 stage " + step));
                assertThat(ends.get("rank 0 stage " + step)).isLessThanOrEqualTo(begins.get("device 0 run " + step));
                assertThat(begins.get("device 0 run " + step)).isLessThanOrEqualTo(ends.get("device 0 run " + step));
                assertThat(ends.get("device 0 run " + step))
                        .isLessThanOrEqualTo(ends.get("scheduler complete " + step));
            }
            assertThat(prompt).isNotNull();
            assertThat(prompt.path("prompt tokens").asInt()).isEqualTo(4);
            assertThat(prompt.path("sequences").asInt()).isEqualTo(1);
            assertThat(prompt.path("recorded batch").asInt()).isZero();
            assertThat(profile.decodeBusyShare()).isBetween(0.0, 1.0);
            var shares = profile.shares();
            assertThat(shares.pass()).isBetween(Double.MIN_VALUE, 1.0);
            assertThat(shares.choice()).isBetween(Double.MIN_VALUE, 1 - shares.pass());
            assertThat(shares.scheduling()).isBetween(Double.MIN_VALUE, 1.0);
        }
    }

    @Test
    void aProfileOfSoManyStepsEndsByItself() throws Exception {
        try (var engine = engine()) {
            Profile profile = engine.profile(new Profile.Steps(2, 3));
            answer(engine, 0);
            profile.ended().join();
            assertThat(profile.steps()).isEqualTo(3);
            Map<String, Integer> plans = new HashMap<>();
            events(profile)
                    .forEach(e -> plans.merge(
                            e.path("name").asString() + " " + e.at("/args/step").asString(""), 1, Integer::sum));
            assertThat(plans).containsKeys("plan 2", "plan 3", "plan 4").doesNotContainKeys("plan 1", "plan 5");
            profile.stop(); // nothing is left to stop
            answer(engine, 1);
        }
    }

    @Test
    void aProfileThatNobodyStopsEndsWhenItIsFull() {
        var executor = new FakeExecutor(1, 1, 1, 10, 1);
        var facts = new Scheduler(new Limits(64, 4, 2, 64, 24, 1024, 100), Strategy.standard(), Set.of()).facts();
        var profile = new StepProfile(Profile.Steps.all(), "d", new StepTrace(10), _ -> true);
        int step = 0;
        while (!profile.isOver()) {
            assertThat(step).as("three spans a step").isLessThan(6);
            profile.planned(new StepPlan(step, List.of()), facts, System.nanoTime(), executor);
            profile.awaited(step, 0, 0, executor);
            step++;
        }
        assertThat(profile.steps()).isEqualTo(5);
        assertThat(profile.ended()).isCompleted();
    }

    @Test
    void oneProfileAtATimeAndTheNextAfterIt() throws Exception {
        try (var engine = engine()) {
            Profile first = engine.profile(Profile.Steps.all());
            assertThatThrownBy(() -> engine.profile(Profile.Steps.all()))
                    .isInstanceOf(RequestRejected.class)
                    .hasMessageContaining("/stop_profile");
            first.stop();
            assertThat(first.decodeBusyShare()).isNaN();
            Profile second = engine.profile(Profile.Steps.all());
            answer(engine, 0);
            second.stop();
            assertThat(first.steps()).isZero();
            assertThat(second.steps()).isGreaterThanOrEqualTo(NEW_TOKENS);
        }
    }

    @Test
    void anEngineThatEndsEndsItsProfile() throws Exception {
        Profile profile;
        try (var engine = engine()) {
            profile = engine.profile(Profile.Steps.all());
            answer(engine, 0);
        }
        profile.ended().join();
        profile.stop();
        assertThat(events(profile).size()).isGreaterThan(NEW_TOKENS);
    }

    @Test
    void stepsThatCannotBeAreRefused() {
        assertThatThrownBy(() -> new Profile.Steps(-1, 1)).hasMessageContaining("start_step");
        assertThatThrownBy(() -> new Profile.Steps(0, 0)).hasMessageContaining("num_steps");
    }
}
