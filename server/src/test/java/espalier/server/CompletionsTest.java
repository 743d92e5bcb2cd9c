package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission.FinishReason;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.chat.Prompt;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CompletionsTest {
    private static final String PATH = "/v1/completions";
    private Fixture fixture;

    @BeforeAll
    void start() {
        fixture = new Fixture();
    }

    @BeforeEach
    void forget() {
        fixture.engine.forget();
    }

    @AfterAll
    void stop() {
        fixture.close();
    }

    @Test
    void aDefectInReadingEndsTheRequestAndFreesItsName() throws Exception {
        fixture.engine.script = FakeCompletion::breakReader;
        for (int i = 0; i < 2; i++) {
            assertThat(fixture.post(PATH, "{\"prompt\":[\"a\",\"b\"],\"rid\":\"x\"}")
                            .statusCode())
                    .isEqualTo(500);
            for (int prompt = 0; prompt < 2; prompt++) {
                assertThat(fixture.started().cancelled.await(10, TimeUnit.SECONDS))
                        .isTrue();
            }
        }
    }

    @Test
    void oneBodyAsksForSoManyAnswersAtMost() throws Exception {
        String prompts = "\"a\"" + ",\"a\"".repeat(128);
        HttpResponse<String> response = fixture.post(PATH, "{\"prompt\":[" + prompts + "],\"n\":128}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("at most 16384 answers", "asks for 16512");
        assertThat(fixture.engine.started).isEmpty();
    }

    @Test
    void saltAndKeyDoNotRunIntoEachOther() throws Exception {
        var salts = new HashSet<String>();
        for (String fields : List.of(
                "", ",'cache_salt':'ab'", ",'cache_salt':'ab','extra_key':'c'", ",'cache_salt':'a','extra_key':'bc'")) {
            fixture.postJson(PATH, "{'prompt':'a'" + fields + "}");
            salts.add(fixture.started().request.cacheSalt());
        }
        assertThat(salts).hasSize(4).contains("");
    }

    @Test
    void aDefectAtTheStartFreesTheName() throws Exception {
        String body = "{\"prompt\":\"a\",\"rid\":\"y\"}";
        fixture.engine.broken = new AssertionError("a defect");
        assertThat(fixture.post(PATH, body).statusCode()).isEqualTo(500);
        fixture.engine.broken = null;
        assertThat(fixture.post(PATH, body).statusCode()).isEqualTo(200);
        assertThat(fixture.post(PATH, body).statusCode())
                .as("at once, whenever the engine forgets")
                .isEqualTo(200);
    }

    @Test
    void aWholeAnswerHasEveryField() throws Exception {
        JsonNode answer = fixture.postJson(PATH, "{'model':'m','prompt':'Say','rid':'r'}");

        assertThat(answer.toString().replaceFirst("\"created\":\\d+", "\"created\":0"))
                .isEqualTo("{\"id\":\"r\",\"object\":\"text_completion\",\"created\":0,\"model\":\"m\",\"choices\":["
                        + "{\"index\":0,\"text\":\"Hello wörld\",\"logprobs\":null,\"finish_reason\":\"stop\","
                        + "\"matched_stop\":2}],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":9,"
                        + "\"completion_tokens\":2,\"prompt_tokens_details\":null,\"reasoning_tokens\":0},"
                        + "\"metadata\":{\"weight_version\":\"default\"}}");
        assertThat(fixture.started().request.sampling())
                .isEqualTo(SamplingParams.builder().maxNewTokens(16).build());
    }

    @Test
    void everyFormOfPromptIsUnderstood() throws Exception {
        assertThat(prompts("'one'")).containsExactly(new Prompt.Text("one"));
        assertThat(prompts("['one','two']")).containsExactly(new Prompt.Text("one"), new Prompt.Text("two"));
        assertThat(prompts("[1,2,3]")).containsExactly(new Prompt.Ids(Tokens.of(1, 2, 3)));
        assertThat(prompts("[[1,2],[3]]"))
                .containsExactly(new Prompt.Ids(Tokens.of(1, 2)), new Prompt.Ids(Tokens.of(3)));
    }

    @Test
    void answersStandPromptByPromptAndEchoTheirOwn() throws Exception {
        fixture.engine.script = c -> {
            for (int choice = 0; choice < 2; choice++) {
                c.say(choice, 1, c.rid() + "/" + choice);
                c.finish(choice, FinishReason.LENGTH, null);
            }
        };
        JsonNode answer = fixture.postJson(PATH, "{'prompt':['p','q'],'n':2,'echo':true,'rid':'r','max_tokens':1}");

        assertThat(answer.at("/id").asString()).isEqualTo("r_0");
        assertThat(texts(answer)).containsExactly("pr_0/0", "pr_0/1", "qr_1/0", "qr_1/1");
        assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(14);
        assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(4);
    }

    @Test
    void anEchoOfIdsIsTheirText() throws Exception {
        assertThat(texts(fixture.postJson(PATH, "{'prompt':[5,6],'echo':true}")))
                .containsExactly("<5><6>Hello wörld");
    }

    @Test
    void logprobsHaveFourListsOfOneLength() throws Exception {
        JsonNode answer = fixture.postJson(PATH, "{'prompt':'a','logprobs':2}");

        assertThat(answer.at("/choices/0/logprobs").toString())
                .isEqualTo("{\"tokens\":[\"Hello\",\" wörld\"],\"token_logprobs\":[-0.5,-0.5],\"top_logprobs\":["
                        + "{\"<1>\":-1.0,\"<2>\":-2.0},{\"<1>\":-1.0,\"<2>\":-2.0}],\"text_offset\":[-1,-1]}");
    }

    @Test
    void aStreamIsThisByteForByte() throws Exception {
        HttpResponse<String> response = fixture.post(
                PATH,
                "{\"model\":\"m\",\"prompt\":\"P \",\"echo\":true,\"stream\":true,\"rid\":\"r\","
                        + "\"stream_options\":{\"include_usage\":true}}");

        String head = "data: {\"id\":\"r\",\"object\":\"text_completion\",\"created\":0,\"model\":\"m\",\"choices\":[";
        String none = ",\"logprobs\":null,\"finish_reason\":null,\"matched_stop\":null}],\"usage\":null}\n\n";
        assertThat(response.body().replaceAll("\"created\":\\d+", "\"created\":0"))
                .isEqualTo(head + "{\"index\":0,\"text\":\"P Hello\"" + none
                        + head + "{\"index\":0,\"text\":\" wörld\"" + none
                        + head + "{\"index\":0,\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"stop\","
                        + "\"matched_stop\":2}],\"usage\":null}\n\n"
                        + head + "],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":9,\"completion_tokens\":2,"
                        + "\"prompt_tokens_details\":null,\"reasoning_tokens\":0}}\n\n"
                        + "data: [DONE]\n\n");
    }

    @Test
    void aStreamOfSeveralPromptsEndsEachAnswerOnce() throws Exception {
        List<JsonNode> chunks =
                Fixture.events(fixture.post(PATH, "{\"prompt\":[\"a\",\"b\",\"c\"],\"n\":2,\"stream\":true}")
                        .body());

        var texts = new String[] {"", "", "", "", "", ""};
        var ended = new ArrayList<Integer>();
        for (JsonNode chunk : chunks) {
            JsonNode choice = chunk.at("/choices/0");
            texts[choice.at("/index").asInt()] += choice.at("/text").asString();
            if (!choice.at("/finish_reason").isNull()) {
                ended.add(choice.at("/index").asInt());
            }
        }
        assertThat(texts).containsOnly("Hello wörld");
        assertThat(ended).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5);
    }

    @Test
    void whenOnePromptIsRefusedTheOthersAreCancelled() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        fixture.engine.mostAccepted = 1;
        HttpResponse<String> response = fixture.post(PATH, "{\"prompt\":[\"a\",\"b\"]}");

        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(fixture.started().cancelled.getCount()).isZero();
    }

    private List<Prompt> prompts(String json) throws Exception {
        fixture.postJson(PATH, "{'prompt':" + json + "}");
        var prompts = new ArrayList<Prompt>();
        while (!fixture.engine.started.isEmpty()) {
            prompts.add(fixture.started().request.prompt());
        }
        return prompts;
    }

    private static List<String> texts(JsonNode answer) {
        return answer.at("/choices")
                .valueStream()
                .map(c -> c.at("/text").asString())
                .toList();
    }
}
