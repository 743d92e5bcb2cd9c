package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.Emission;
import espalier.api.Engine;
import espalier.api.EngineInfo;
import espalier.api.EngineLoad;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.Profile;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class TurnsTest {
    private final Counting engine = new Counting();

    @Test
    void everyTurnIsAnsweredByOneLine() throws Exception {
        List<JsonNode> lines = run("""
                {"prompts":[512],"outputs":[1]}

                {"prompts":[16,16,16],"outputs":[4,5,6]}
                """);
        assertThat(lines).hasSize(3);
        assertThat(lines.getFirst().path("ready").asString()).isEqualTo("espalier");
        assertThat(lines.get(1).path("output_tokens").asInt()).isEqualTo(1);
        assertThat(lines.get(2).path("output_tokens").asInt()).isEqualTo(15);
        assertThat(lines.get(2).path("seconds").asDouble())
                .isGreaterThanOrEqualTo(lines.get(2).path("first_seconds").asDouble());
        assertThat(engine.prompts).containsExactlyInAnyOrder(512, 16, 16, 16);
    }

    @Test
    void aFailedRequestIsSaidRatherThanCounted() throws Exception {
        engine.failing = 7;
        JsonNode answer = run("{\"prompts\":[16,7],\"outputs\":[4,4]}").get(1);
        assertThat(answer.path("output_tokens").asInt()).isEqualTo(4);
        assertThat(answer.path("errors").get(0).asString()).contains("no room");
    }

    @Test
    void aTurnWithoutAnOutputForEveryPromptIsAFault() {
        assertThatThrownBy(() -> run("{\"prompts\":[16,7],\"outputs\":[4]}")).hasMessageContaining("as many");
        assertThatThrownBy(() -> run("{}")).hasMessageContaining("at least one");
    }

    @Test
    void aTurnIsToldWhereItsTimeWentWhereItAsks() throws Exception {
        List<JsonNode> lines = run("""
                {"prompts":[16],"outputs":[4],"profile":true}
                {"prompts":[16],"outputs":[4]}
                """);
        assertThat(lines.get(1).path("kernel_share").asDouble()).isEqualTo(0.9);
        assertThat(lines.get(1).path("sampler_share").asDouble()).isEqualTo(0.05);
        assertThat(lines.get(1).path("scheduler_share").asDouble()).isEqualTo(0.1);
        assertThat(lines.get(1).path("output_tokens").asInt()).isEqualTo(4);
        assertThat(lines.get(2).has("kernel_share")).isFalse();
        assertThat(engine.profiling).isFalse();
    }

    @Test
    void anOfflineBenchmarkTellsWhereItsTimeWent() throws Exception {
        var load = Workload.randomIds(new Workload.Shape(3, 1000, 1), 16, 4, 1);
        Report report = Benchmarks.offline(engine, load, new Pace(Double.POSITIVE_INFINITY, 2, 0));
        assertThat(report.figures())
                .containsEntry("kernel_share", 0.9)
                .containsEntry("sampler_share", 0.05)
                .containsEntry("scheduler_share", 0.1)
                .containsEntry("completed", 3);
        assertThat(engine.profiling).isFalse();
    }

    private List<JsonNode> run(String turns) throws Exception {
        var out = new ByteArrayOutputStream();
        new Turns(engine)
                .run(new BufferedReader(new StringReader(turns)), new PrintStream(out, true, StandardCharsets.UTF_8));
        var json = new ObjectMapper();
        return out.toString(StandardCharsets.UTF_8).lines().map(json::readTree).toList();
    }

    /** Answers with as many tokens as it is asked for, and fails prompts of one length. */
    private static final class Counting implements Engine {
        final ConcurrentLinkedQueue<Integer> prompts = new ConcurrentLinkedQueue<>();
        volatile int failing;
        volatile boolean profiling;

        @Override
        public Generation submit(GenerateRequest request) {
            int prompt = request.prompt().size();
            prompts.add(prompt);
            int most = request.sampling().maxNewTokens();
            return new Generation() {
                private int made;

                @Override
                public Emission next() {
                    if (prompt == failing) {
                        return new Emission.Failed(1, new IllegalStateException("no room"));
                    }
                    return made++ < most
                            ? new Emission.Token(1, 5, null)
                            : new Emission.Done(1, Emission.FinishReason.LENGTH, null, prompt, 0, most);
                }

                @Override
                public void finish() {}

                @Override
                public void close() {}
            };
        }

        @Override
        public Profile profile(Profile.Steps steps) {
            assertThat(profiling).isFalse();
            profiling = true;
            return new Profile() {
                @Override
                public void stop() {
                    profiling = false;
                }

                @Override
                public CompletableFuture<Void> ended() {
                    return CompletableFuture.completedFuture(null);
                }

                @Override
                public int steps() {
                    return 1;
                }

                @Override
                public double decodeBusyShare() {
                    return 1;
                }

                @Override
                public Shares shares() {
                    return new Shares(0.9, 0.05, 0.1);
                }

                @Override
                public void write(OutputStream to) {
                    throw new UnsupportedOperationException();
                }
            };
        }

        @Override
        public EngineInfo info() {
            return new EngineInfo("fake", 1000, 2048, Set.of(), 1, 4096, 64);
        }

        @Override
        public EngineLoad load() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean isHealthy() {
            return true;
        }

        @Override
        public boolean flushCache() {
            return true;
        }

        @Override
        public void close() {}
    }
}
