package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission.FinishReason;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GenerateTest {
    private static final String PATH = "/generate";
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
    void oneAnswerIsAnObject() throws Exception {
        HttpResponse<String> response = fixture.post(PATH, "{\"text\":\"Hi\",\"rid\":\"r\"}");

        assertThat(response.body().replaceFirst("\"e2e_latency\":[0-9.E-]+", "\"e2e_latency\":0"))
                .isEqualTo("{\"text\":\"Hello wörld\",\"output_ids\":[11,12],\"meta_info\":{\"id\":\"r\","
                        + "\"finish_reason\":{\"type\":\"stop\",\"matched\":2},\"prompt_tokens\":7,"
                        + "\"weight_version\":\"default\",\"completion_tokens\":2,\"cached_tokens\":3,"
                        + "\"e2e_latency\":0}}");
        // A native request does not know generation_config.json.
        assertThat(fixture.started().request.sampling())
                .isEqualTo(SamplingParams.builder().maxNewTokens(128).build());
    }

    @Test
    void everyParameterReachesTheEngine() throws Exception {
        fixture.postJson(PATH, """
                {'input_ids':[1,2,3],'priority':4,'extra_key':'k','return_logprob':true,'top_logprobs_num':2,
                 'sampling_params':{'max_new_tokens':9,'min_new_tokens':1,'temperature':0,'top_p':0.5,'top_k':3,
                  'min_p':0.1,'frequency_penalty':1,'presence_penalty':1,'repetition_penalty':1.1,'stop':'x',
                  'stop_token_ids':[4],'ignore_eos':true,'skip_special_tokens':false,'no_stop_trim':true,'n':2,
                  'spaces_between_special_tokens':true,'sampling_seed':7,'logit_bias':{'1':2}}}""");

        TextRequest request = fixture.started().request;
        assertThat(request.prompt()).isEqualTo(new Prompt.Ids(Tokens.of(1, 2, 3)));
        assertThat(request.stop()).containsExactly("x");
        assertThat(request.choices()).isEqualTo(2);
        assertThat(request.priority()).isEqualTo(4);
        assertThat(request.cacheSalt()).isEqualTo("0:k");
        assertThat(request.output()).isEqualTo(new OutputText(false, false));
        assertThat(request.sampling())
                .isEqualTo(SamplingParams.builder()
                        .maxNewTokens(9)
                        .minNewTokens(1)
                        .temperature(0)
                        .topP(0.5f)
                        .topK(3)
                        .minP(0.1f)
                        .frequencyPenalty(1)
                        .presencePenalty(1)
                        .repetitionPenalty(1.1f)
                        .stopTokenIds(Set.of(4))
                        .ignoreEos(true)
                        .seed(7L)
                        .logitBias(Map.of(1, 2f))
                        .logprobs(2)
                        .build());
    }

    @Test
    void aBatchIsAListPromptByPromptWithParametersOfItsOwn() throws Exception {
        fixture.engine.script = c -> {
            c.say(0, 1, c.request.prompt() + " " + c.request.sampling().maxNewTokens());
            c.finish(0, FinishReason.LENGTH, null);
        };
        JsonNode list = fixture.postJson(
                PATH,
                "{'text':['a','b'],'sampling_params':[{'max_new_tokens':5},{'max_new_tokens':6}],'rid':['x','y']}");

        assertThat(list).hasSize(2);
        assertThat(list.at("/0/text").asString()).isEqualTo("Text[text=a] 5");
        assertThat(list.at("/1/text").asString()).isEqualTo("Text[text=b] 6");
        assertThat(list.at("/1/meta_info/id").asString()).isEqualTo("y");
        assertThat(list.at("/1/meta_info/finish_reason").toString()).isEqualTo("{\"type\":\"length\",\"length\":1}");
    }

    @Test
    void severalAnswersToOnePromptAreAListAndSoIsABatchOfOne() throws Exception {
        assertThat(fixture.postJson(PATH, "{'text':'a','sampling_params':{'n':2}}"))
                .hasSize(2);
        JsonNode one = fixture.postJson(PATH, "{'text':['a']}");
        assertThat(one.isArray()).isTrue();
        assertThat(one).hasSize(1);
    }

    @Test
    void aStreamHasAllTextSoFar() throws Exception {
        List<JsonNode> events = Fixture.events(
                fixture.post(PATH, "{\"text\":\"a\",\"stream\":true}").body());

        assertThat(events.stream().map(e -> e.at("/text").asString()))
                .containsExactly("Hello", "Hello wörld", "Hello wörld");
        assertThat(events.get(0).at("/meta_info/finish_reason").isNull()).isTrue();
        assertThat(events.get(1).at("/output_ids").toString()).isEqualTo("[11,12]");
        assertThat(events.get(2).at("/meta_info/finish_reason/type").asString()).isEqualTo("stop");
        assertThat(events.get(2).at("/meta_info/completion_tokens").asInt()).isEqualTo(2);
        assertThat(events.get(0).has("index")).isFalse();
    }

    @Test
    void aStreamHasWhatIsNewWhereTheServerWasToldSo() throws Exception {
        var options = ServerOptions.local(0);
        var incremental = new ServingOptions(false, true, options.serving().healthTimeout(), Map.of(), "0");
        try (var other = new Fixture(options.with(incremental))) {
            List<JsonNode> events = Fixture.events(
                    other.post(PATH, "{\"text\":\"a\",\"stream\":true}").body());
            assertThat(events.stream().map(e -> e.at("/text").asString())).containsExactly("Hello", " wörld", "");
            assertThat(events.stream().map(e -> e.at("/output_ids").toString())).containsExactly("[11]", "[12]", "[]");
        }
    }

    @Test
    void aStreamedBatchSaysWhichAnswerAnEventBelongsTo() throws Exception {
        List<JsonNode> events = Fixture.events(
                fixture.post(PATH, "{\"input_ids\":[[1],[2]],\"stream\":true}").body());

        assertThat(events.stream()
                        .filter(e -> !e.at("/meta_info/finish_reason").isNull())
                        .map(e -> e.at("/index").asInt()))
                .containsExactlyInAnyOrder(0, 1);
    }

    @Test
    void logprobsAreTriplesWithTextWhereAsked() throws Exception {
        JsonNode meta = fixture.postJson(
                        PATH, "{'text':'a','return_logprob':true,'top_logprobs_num':1,'return_text_in_logprobs':true}")
                .at("/meta_info");
        assertThat(meta.at("/output_token_logprobs").toString())
                .isEqualTo("[[-0.5,11,\"Hello\"],[-0.5,12,\" wörld\"]]");
        assertThat(meta.at("/output_top_logprobs").toString()).isEqualTo("[[[-1.0,1,\"<1>\"]],[[-1.0,1,\"<1>\"]]]");
        assertThat(meta.at("/input_token_logprobs").toString()).isEqualTo("[]");
        assertThat(meta.at("/output_token_logprobs_length").asInt()).isEqualTo(2);

        meta = fixture.postJson(PATH, "{'text':'a','return_logprob':true}").at("/meta_info");
        assertThat(meta.at("/output_token_logprobs").toString()).isEqualTo("[[-0.5,11,null],[-0.5,12,null]]");
        assertThat(meta.at("/output_top_logprobs").toString()).isEqualTo("[]");
    }

    @Test
    void noNewTokensReadsThePromptAlone() throws Exception {
        JsonNode answer = fixture.postJson(PATH, "{'text':'a','sampling_params':{'max_new_tokens':0}}");

        assertThat(answer.at("/text").asString()).isEmpty();
        assertThat(answer.at("/output_ids").toString()).isEqualTo("[]");
        assertThat(answer.at("/meta_info/finish_reason").toString()).isEqualTo("{\"type\":\"length\",\"length\":0}");
        assertThat(answer.at("/meta_info/completion_tokens").asInt()).isZero();
        assertThat(answer.at("/meta_info/prompt_tokens").asInt()).isEqualTo(7);
        assertThat(fixture.started().request.sampling().maxNewTokens()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {}                                                     | Either text or input_ids
            {"text":"a","input_ids":[1]}                           | Either text or input_ids
            {"text":""}                                            | Prompt cannot be empty
            {"text":[]}                                            | at least one prompt
            {"input_ids":[]}                                       | at least one token id
            {"input_ids":[1000]}                                   | input_ids[0]: 1000 is not in the vocabulary
            {"input_ids":["a"]}                                    | input_ids[0] must be an integer
            {"text":5}                                             | text must be a string or a list of strings, got 5
            {"text":"a","sampling_params":5}                       | sampling_params must be an object, got 5
            {"text":"a","sampling_params":{"heat":1}}              | unknown parameter 'heat'
            {"text":"a","sampling_params":{"top_p":"x"}}           | sampling_params.top_p must be a number
            {"text":"a","sampling_params":{"max_new_tokens":-1}}   | max_new_tokens must be at least 0, got -1
            {"text":"a","sampling_params":{"json_schema":"{}"}}    | sampling_params.json_schema: structured output is not built
            {"text":"a","sampling_params":{"regex":"a"}}           | sampling_params.regex: structured output is not built
            {"text":["a","b"],"sampling_params":[{}]}              | sampling_params has 1 entries, too few
            {"text":"a","return_logprob":true,"logprob_start_len":0} | log-probabilities of the prompt
            {"text":"a","image_data":"x"}                          | text only
            """)
    void whatCannotBeDoneIsRefused(String body, String message) throws Exception {
        HttpResponse<String> response = fixture.post(PATH, body);

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = Fixture.JSON.readTree(response.body());
        assertThat(error.at("/error/message").asString()).contains(message);
        assertThat(error.at("/error")).hasSize(1);
    }

    @Test
    void aStreamThatIsRefusedSaysSoInAnEvent() throws Exception {
        HttpResponse<String> response =
                fixture.post(PATH, "{\"text\":\"a\",\"stream\":true,\"sampling_params\":{\"top_p\":7}}");

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(Fixture.events(response.body()))
                .containsExactly(Fixture.JSON.readTree("{\"error\":{\"message\":\"top_p must be in (0, 1], got 7.0\","
                        + "\"type\":\"invalid_request_error\",\"code\":400,\"retryable\":false}}"));
    }
}
