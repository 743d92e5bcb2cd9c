package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.base.Tokens;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.ObjectMapper;

class BackendTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private long now;
    private final Received received = new Received(() -> ++now);

    @Test
    void openAisEventsCountAsTokensUntilTheUsageSaysBetter() {
        Backend.OPENAI.read(JSON.readTree("{\"choices\":[{\"text\":\"a\"}],\"usage\":null}"), received);
        Backend.OPENAI.read(JSON.readTree("{\"choices\":[{\"text\":\"b\"}]}"), received);
        Backend.OPENAI.read(JSON.readTree("{\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}"), received);
        assertThat(received.times()).containsExactly(1, 2, 3);
        assertThat(received.counted()).isEqualTo(Outcome.Counted.BY_EVENTS);
        Backend.OPENAI.read(
                JSON.readTree("{\"choices\":[],\"usage\":{\"completion_tokens\":2,"
                        + "\"prompt_tokens_details\":{\"cached_tokens\":9}}}"),
                received);
        assertThat(received.times()).containsExactly(1, 2);
        assertThat(received.cached()).isEqualTo(9);
    }

    @Test
    void anEventOfSeveralTokensGivesThemOneTime() {
        Backend.SGLANG.read(JSON.readTree("{\"meta_info\":{\"completion_tokens\":3,\"cached_tokens\":4}}"), received);
        Backend.SGLANG.read(JSON.readTree("{\"meta_info\":{\"completion_tokens\":4,\"cached_tokens\":4}}"), received);
        assertThat(received.times()).containsExactly(1, 1, 1, 2);
        assertThat(received.cached()).isEqualTo(4);
    }

    @Test
    void whatIsNotToldOfTheCacheStaysUnknown() {
        Backend.OPENAI.read(
                JSON.readTree("{\"choices\":[],\"usage\":{\"completion_tokens\":2,\"prompt_tokens_details\":null}}"),
                received);
        assertThat(received.cached()).isNull();
        assertThat(received.counted()).isEqualTo(Outcome.Counted.BY_SERVER);
        Backend.SGLANG.read(JSON.readTree("{\"meta_info\":{\"completion_tokens\":3}}"), received);
        assertThat(received.cached()).isNull();
    }

    @Test
    void bothAreAskedForTheSameTokens() {
        var item = new Workload.Item(Tokens.of(3, 5), 7);
        assertThat(Backend.SGLANG.body("m", item)).containsEntry("input_ids", new int[] {3, 5});
        assertThat(Backend.OPENAI.body("m", item))
                .containsEntry("prompt", new int[] {3, 5})
                .containsEntry("model", "m")
                .containsEntry("max_tokens", 7)
                .containsEntry("ignore_eos", true);
    }
}
