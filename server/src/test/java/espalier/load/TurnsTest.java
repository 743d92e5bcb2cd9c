package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class TurnsTest {
    private final CountingEngine engine = new CountingEngine();

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
        Report report =
                Benchmarks.offline(engine, Map.of("device", "fake"), load, new Pace(Double.POSITIVE_INFINITY, 2, 0));
        assertThat(report.figures())
                .containsEntry("kernel_share", 0.9)
                .containsEntry("sampler_share", 0.05)
                .containsEntry("scheduler_share", 0.1)
                .containsEntry("device", "fake")
                .containsEntry("completed", 3);
        assertThat(engine.profiling).isFalse();
    }

    @Test
    void aTurnThatFailsWhollyTellsNoTimeOfAFirstToken() throws Exception {
        engine.failing = 7;
        assertThat(run("{\"prompts\":[7],\"outputs\":[4]}").get(1).has("first_seconds"))
                .isFalse();
    }

    private List<JsonNode> run(String turns) throws Exception {
        var out = new ByteArrayOutputStream();
        new Turns(engine)
                .run(new BufferedReader(new StringReader(turns)), new PrintStream(out, true, StandardCharsets.UTF_8));
        var json = new ObjectMapper();
        return out.toString(StandardCharsets.UTF_8).lines().map(json::readTree).toList();
    }
}
