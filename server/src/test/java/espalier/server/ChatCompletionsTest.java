package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission.FinishReason;
import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.chat.ChatPrompt;
import espalier.chat.Continuation;
import espalier.chat.OutputText;
import espalier.chat.Prompt;
import espalier.chat.TextRequest;
import espalier.serving.ServingOptions;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ChatCompletionsTest {
    private static final String PATH = "/v1/chat/completions";
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
    void aWholeAnswerHasEveryFieldOfSglangs() throws Exception {
        JsonNode answer = fixture.postJson(
                PATH, "{'model':'anything','messages':[{'role':'user','content':'Hi'}],'rid':'my-rid','seed':-5}");

        var expected = """
                {"id":"my-rid","object":"chat.completion","created":0,"model":"anything","choices":[{"index":0,
                "message":{"role":"assistant","content":"Hello wörld","reasoning_content":null,"tool_calls":null},
                "logprobs":null,"finish_reason":"stop","matched_stop":2}],"usage":{"prompt_tokens":7,"total_tokens":9,
                "completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0},
                "metadata":{"weight_version":"default"}}
                """;
        assertThat(answer.get("created").asLong()).isGreaterThan(1_700_000_000);
        assertThat(Fixture.JSON.readTree(answer.toString().replaceFirst("\"created\":\\d+", "\"created\":0")))
                .isEqualTo(Fixture.JSON.readTree(expected));
    }

    @Test
    void aStreamIsThisByteForByte() throws Exception {
        HttpResponse<String> response = fixture.post(PATH, """
                {"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"rid":"r",
                 "stream_options":{"include_usage":true}}""");

        String head =
                "data: {\"id\":\"r\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"m\",\"choices\":[";
        String none = "\"logprobs\":null,\"finish_reason\":null,\"matched_stop\":null}],\"usage\":null}\n\n";
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type")).contains("text/event-stream; charset=utf-8");
        assertThat(response.body().replaceAll("\"created\":\\d+", "\"created\":0"))
                .isEqualTo(head
                        + "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":null},"
                        + none
                        + head + "{\"index\":0,\"delta\":{\"content\":\"Hello\",\"reasoning_content\":null}," + none
                        + head + "{\"index\":0,\"delta\":{\"content\":\" wörld\",\"reasoning_content\":null}," + none
                        + head
                        + "{\"index\":0,\"delta\":{\"reasoning_content\":null},\"logprobs\":null,"
                        + "\"finish_reason\":\"stop\",\"matched_stop\":2}],\"usage\":null}\n\n"
                        + head + "],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":9,\"completion_tokens\":2,"
                        + "\"prompt_tokens_details\":null,\"reasoning_tokens\":0}}\n\n"
                        + "data: [DONE]\n\n");
    }

    @Test
    void everyParameterReachesTheEngine() throws Exception {
        fixture.postJson(PATH, """
                {'messages':[{'role':'user','content':'Hi'}],'temperature':0.25,'top_p':0.5,'top_k':7,'min_p':0.125,
                 'frequency_penalty':0.5,'presence_penalty':-0.5,'repetition_penalty':1.5,'max_tokens':33,'min_tokens':3,
                 'seed':42,'n':2,'stop':['a','b'],'stop_token_ids':[5,6],'logit_bias':{'9':-100},'ignore_eos':true,
                 'logprobs':true,'top_logprobs':4,'priority':3,'cache_salt':'s','extra_key':'k','rid':'r1',
                 'skip_special_tokens':false,'no_stop_trim':true,'user':'u','metadata':{'a':'b'}}""");

        TextRequest request = last();
        assertThat(request.rid()).startsWith("r1#");
        assertThat(request.stop()).containsExactly("a", "b");
        assertThat(request.choices()).isEqualTo(2);
        assertThat(request.output()).isEqualTo(new OutputText(false, false));
        assertThat(request.priority()).isEqualTo(3);
        assertThat(request.cacheSalt()).isEqualTo("1:sk");
        assertThat(request.sampling())
                .isEqualTo(SamplingParams.builder()
                        .temperature(0.25f)
                        .topP(0.5f)
                        .topK(7)
                        .minP(0.125f)
                        .frequencyPenalty(0.5f)
                        .presencePenalty(-0.5f)
                        .repetitionPenalty(1.5f)
                        .maxNewTokens(33)
                        .minNewTokens(3)
                        .seed(42L)
                        .stopTokenIds(Set.of(5, 6))
                        .logitBias(Map.of(9, -100f))
                        .ignoreEos(true)
                        .logprobs(4)
                        .build());
    }

    @Test
    void whatIsNotSaidIsTheModelsDefault() throws Exception {
        fixture.postJson(PATH, "{'messages':[{'role':'user','content':'Hi'}],'top_p':null,'stop':null,'n':null}");

        TextRequest request = last();
        assertThat(request.sampling())
                .isEqualTo(fixture.engine.samplingDefaults().build());
        assertThat(request.rid()).matches("[0-9a-f]{32}#\\d+");
        assertThat(request.output()).isEqualTo(OutputText.DEFAULT);
    }

    @Test
    void messagesToolsAndTemplateVariablesReachTheTemplate() throws Exception {
        fixture.postJson(PATH, """
                {'messages':[{'role':'user','content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]},
                  {'role':'assistant','content':null,'tool_calls':[{'id':'c','type':'function','function':
                    {'name':'f','arguments':'{#x#:1}'}}]},
                  {'role':'tool','tool_call_id':'c','content':'2'}],
                 'tools':[{'type':'function','function':{'name':'f','parameters':{}}}],'tool_choice':'auto',
                 'chat_template_kwargs':{'enable_thinking':false},'reasoning_effort':'low',
                 'continue_final_message':true}""".replace("#", "\\\""));

        ChatPrompt prompt = ((Prompt.Chat) last().prompt()).prompt();
        assertThat(prompt.messages().get(0).get("content"))
                .isEqualTo(List.of(Map.of("type", "text", "text", "a"), Map.of("type", "text", "text", "b")));
        assertThat(prompt.messages().get(1)).containsEntry("content", null);
        assertThat(prompt.messages().get(1).get("tool_calls"))
                .isEqualTo(List.of(Map.of(
                        "id", "c", "type", "function", "function", Map.of("name", "f", "arguments", "{\"x\":1}"))));
        assertThat(prompt.tools())
                .isEqualTo(
                        List.of(Map.of("type", "function", "function", Map.of("name", "f", "parameters", Map.of()))));
        assertThat(prompt.variables()).isEqualTo(Map.of("enable_thinking", false, "reasoning_effort", "low"));
        assertThat(prompt.continuation()).isEqualTo(Continuation.CONTINUE_FINAL_MESSAGE);
    }

    @Test
    void toolsKeepSpecialTokensSinceTheyMarkTheCallsAndNoneLeavesToolsOut() throws Exception {
        String body = "{'messages':[{'role':'user','content':'Hi'}],'tools':[{'type':'function','function':"
                + "{'name':'f'}}],'tool_choice':'%s'}";

        fixture.postJson(PATH, body.formatted("auto"));
        assertThat(last().output().skipSpecialTokens()).isFalse();

        fixture.postJson(PATH, body.formatted("none"));
        TextRequest none = last();
        assertThat(((Prompt.Chat) none.prompt()).prompt().tools()).isNull();
        assertThat(none.output().skipSpecialTokens()).isTrue();
    }

    @Test
    void severalChoicesAreCountedOnceForThePrompt() throws Exception {
        JsonNode answer = fixture.postJson(PATH, "{'messages':[{'role':'user','content':'Hi'}],'n':3}");

        assertThat(answer.at("/choices")).hasSize(3);
        assertThat(answer.at("/choices/2/index").asInt()).isEqualTo(2);
        assertThat(answer.at("/usage").toString())
                .startsWith("{\"prompt_tokens\":7,\"total_tokens\":13,\"completion_tokens\":6,");
    }

    @Test
    void logprobsAreShownWithBytesAndAlternatives() throws Exception {
        JsonNode answer = fixture.postJson(
                PATH, "{'messages':[{'role':'user','content':'Hi'}],'logprobs':true,'top_logprobs':2}");

        JsonNode second = answer.at("/choices/0/logprobs/content/1");
        assertThat(second).isEqualTo(Fixture.JSON.readTree("""
                        {"token":" wörld","bytes":[32,119,195,182,114,108,100],"logprob":-0.5,"top_logprobs":[
                         {"token":"<1>","bytes":[60,49,62],"logprob":-1.0},
                         {"token":"<2>","bytes":[60,50,62],"logprob":-2.0}]}"""));
    }

    @Test
    void aStreamCarriesLogprobsAndUsageInEveryChunkWhereAsked() throws Exception {
        List<JsonNode> chunks = Fixture.events(fixture.post(PATH, """
                        {"messages":[{"role":"user","content":"Hi"}],"stream":true,"logprobs":true,
                         "stream_options":{"continuous_usage_stats":true}}""").body());

        assertThat(chunks).hasSize(4);
        assertThat(chunks.get(2).at("/choices/0/logprobs/content/0/token").asString())
                .isEqualTo(" wörld");
        assertThat(chunks.stream().map(c -> c.at("/usage/completion_tokens").asInt()))
                .containsExactly(0, 1, 2, 2);
        assertThat(chunks)
                .allSatisfy(
                        c -> assertThat(c.at("/usage/prompt_tokens").asInt()).isEqualTo(7));
    }

    @Test
    void theReasonAndTheMatchedStopAreTold() throws Exception {
        fixture.engine.script = c -> c.finish(0, FinishReason.STOP, "END");
        assertThat(choice()).contains("\"finish_reason\":\"stop\",\"matched_stop\":\"END\"");
        fixture.engine.script = c -> c.finish(0, FinishReason.LENGTH, null);
        assertThat(choice()).contains("\"finish_reason\":\"length\",\"matched_stop\":null");
        fixture.engine.script = c -> c.finish(0, FinishReason.ABORT, null);
        assertThat(choice()).contains("\"finish_reason\":\"abort\",\"matched_stop\":null");
    }

    @Test
    void cachedTokensAreReportedWhereTheServerWasToldSo() throws Exception {
        var options = ServerOptions.local(0);
        var serving = options.serving();
        var reporting = new ServingOptions(true, false, serving.healthTimeout(), Map.of(), "0");
        try (var other = new Fixture(options.with(reporting))) {
            JsonNode answer = other.postJson(PATH, "{'messages':[{'role':'user','content':'Hi'}]}");
            assertThat(answer.at("/usage/prompt_tokens_details").toString()).isEqualTo("{\"cached_tokens\":3}");
        }
    }

    @Test
    void aChoiceThatFailsBeforeAnythingIsSentIsAStatus() throws Exception {
        fixture.engine.script =
                c -> c.fail(0, new RequestRejected(RequestRejected.Code.OVERLOADED, "The queue is full", null));
        for (String stream : List.of("true", "false")) {
            HttpResponse<String> response = fixture.post(
                    PATH, "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":" + stream + "}");
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.body())
                    .startsWith("{\"object\":\"error\",\"message\":\"The queue is full\","
                            + "\"type\":\"service_unavailable_error\",\"param\":null,\"code\":503,\"error\":{");
        }
    }

    @Test
    void aChoiceThatFailsLaterEndsTheStreamWithAnError() throws Exception {
        fixture.engine.script = c -> {
            c.say(0, 1, "Hel");
            c.fail(0, new EngineFault(EngineFault.Code.DEVICE, "the device is lost"));
        };
        String body = fixture.post(PATH, "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":true}")
                .body();

        assertThat(body)
                .endsWith("data: {\"error\":{\"object\":\"error\",\"message\":\"Internal server error: the device is"
                        + " lost\",\"type\":\"server_error\",\"param\":null,\"code\":500}}\n\ndata: [DONE]\n\n");
    }

    private String choice() throws Exception {
        return fixture.postJson(PATH, "{'messages':[{'role':'user','content':'Hi'}]}")
                .at("/choices/0")
                .toString();
    }

    private TextRequest last() throws InterruptedException {
        FakeCompletion completion = fixture.started();
        assertThat(fixture.engine.started).isEmpty();
        return completion.request;
    }
}
