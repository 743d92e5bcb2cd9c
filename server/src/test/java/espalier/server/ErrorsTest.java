package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.RequestRejected;
import espalier.http.ListenerOptions;
import java.io.ByteArrayInputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ErrorsTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final int MOST_BODY_BYTES = 100_000;
    private Fixture fixture;

    @BeforeAll
    void start() {
        fixture = new Fixture(ServerOptions.local(0)
                .with(new ListenerOptions(
                        "127.0.0.1", 0, 1, ListenerOptions.Limits.usual().withBodyBytes(MOST_BODY_BYTES))));
    }

    @AfterAll
    void stop() {
        fixture.close();
    }

    /** What is wrong in form has no parameter; the message has the path. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"messages":[                                              | not valid JSON
            {"messages":[{"role":"user","content":"x"}],}              | not valid JSON
            {"messages":NaN}                                           | not valid JSON
            {"messages":[]} x                                          | not valid JSON
            [1]                                                        | must be a JSON object, got a list
            "hello"                                                    | must be a JSON object, got the string "hello"
            {}                                                         | messages is required
            {"messages":"hi"}                                          | messages must be a list, got the string "hi"
            {"messages":["hi"]}                                        | messages[0] must be an object
            {"messages":[{"content":"x"}]}                             | messages[0].role must be one of
            {"messages":[{"role":"king","content":"x"}]}               | messages[0].role must be one of
            {"messages":[{"role":"user","content":5}]}                 | messages[0].content must be a string or a list of parts, got 5
            {"messages":[{"role":"user","content":["x"]}]}             | messages[0].content[0] must be an object
            {"messages":[{"role":"user","tool_calls":[1]}]}            | messages[0].tool_calls[0] must be an object
            {"messages":[M],"temperature":"hot"}                       | temperature must be a number, got the string "hot"
            {"messages":[M],"max_tokens":"5"}                          | max_tokens must be an integer, got the string "5"
            {"messages":[M],"max_tokens":1.5}                          | max_tokens must be an integer, got 1.5
            {"messages":[M],"max_tokens":99999999999}                  | max_tokens must be an integer of 32 bits
            {"messages":[M],"stream":"yes"}                            | stream must be true or false
            {"messages":[M],"stop":[1]}                                | stop[0] must be a string, got 1
            {"messages":[M],"stop_token_ids":[1,"a"]}                  | stop_token_ids[1] must be an integer
            {"messages":[M],"logit_bias":[1]}                          | logit_bias must be an object, got a list
            {"messages":[M],"tools":[{}]}                              | tools[0].function.name is required
            {"messages":[M],"tool_choice":5}                           | tool_choice must be
            {"messages":[M],"stream_options":5}                        | stream_options must be an object
            {"messages":[M],"model":5}                                 | model must be a string, got 5
            """)
    void whatIsWrongInFormNamesItsPlace(String body, String message) throws Exception {
        JsonNode error = refused(CHAT, body);

        assertThat(error.at("/message").asString()).contains(message);
        assertThat(error.at("/param").isNull()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"messages":[]}                                           | messages              | Messages cannot be empty.
            {"messages":[M],"max_tokens":0}                           | max_tokens            | max_tokens must be at least 1, got 0
            {"messages":[M],"max_tokens":-1}                          | max_tokens            | max_tokens must be at least 1, got -1
            {"messages":[M],"max_completion_tokens":0}                | max_completion_tokens | must be at least 1
            {"messages":[M],"max_completion_tokens":99999}            | max_completion_tokens | max_completion_tokens is too large: 99999
            {"messages":[M],"max_tokens":2,"min_tokens":3}            | min_tokens            | min_tokens must be between 0 and max_tokens (2)
            {"messages":[M],"temperature":-1}                         | temperature           | must be 0 or greater
            {"messages":[M],"top_p":0}                                | top_p                 | must be in (0, 1]
            {"messages":[M],"top_k":0}                                | top_k                 | must be -1
            {"messages":[M],"min_p":2}                                | min_p                 | must be in [0, 1]
            {"messages":[M],"presence_penalty":3}                     | presence_penalty      | must be in [-2, 2]
            {"messages":[M],"n":0}                                    | n                     | n must be between
            {"messages":[M],"stop":""}                                | stop                  | empty string
            {"messages":[M],"logprobs":true,"top_logprobs":999}       | top_logprobs          | must be between 0 and
            {"messages":[M],"logprobs":true,"top_logprobs":-2}        | top_logprobs          | must be at least 0
            {"messages":[M],"logit_bias":{"x":1}}                     | logit_bias            | 'x' is not a token id
            {"messages":[M],"logit_bias":{"1000":1}}                  | logit_bias            | 1000 is not in the vocabulary of 1000 tokens
            {"messages":[M],"stream_options":{"include_usage":true}}  | stream_options        | only allowed when stream is true
            {"messages":[M],"response_format":{"type":"json_object"}} | response_format       | 'json_object' is not built
            {"messages":[M],"response_format":{"type":"json_schema"}} | response_format       | 'json_schema' is not built
            {"messages":[M],"regex":"a+"}                             | regex                 | structured output is not built
            {"messages":[M],"ebnf":"root ::= x"}                      | ebnf                  | structured output is not built
            {"messages":[M],"json_schema":"{}"}                       | json_schema           | structured output is not built
            {"messages":[M],"stop_regex":"a"}                         | stop_regex            | use stop
            {"messages":[M],"tool_choice":"required"}                 | tool_choice           | structured output
            {"messages":[M],"tool_choice":{"type":"function"}}        | tool_choice           | structured output
            {"messages":[M],"lora_path":"x"}                          | lora_path             | LoRA
            {"messages":[M],"input_ids":[1]}                          | input_ids             | send ids to /v1/completions
            """)
    void whatIsWrongInSenseNamesItsField(String body, String parameter, String message) throws Exception {
        JsonNode error = refused(CHAT, body);

        assertThat(error.at("/message").asString()).contains(message);
        assertThat(error.at("/param").asString()).isEqualTo(parameter);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {}                                   | prompt is required
            {"prompt":""}                        | Prompt cannot be empty
            {"prompt":[]}                        | Prompt cannot be empty
            {"prompt":[[]]}                      | Prompt cannot be empty
            {"prompt":["a",1]}                   | prompt[1] must be a string, got 1
            {"prompt":[1,"a"]}                   | prompt[1] must be an integer
            {"prompt":[[1],2]}                   | prompt[1] must be a list of token ids, got 2
            {"prompt":[1000]}                    | prompt[0]: 1000 is not in the vocabulary
            {"prompt":[[1],[-1]]}                | prompt[1][0]: -1 is not in the vocabulary
            {"prompt":{"a":1}}                   | prompt must be a string
            {"prompt":"a","max_tokens":0}        | max_tokens must be at least 1
            {"prompt":"a","suffix":"b"}          | suffix: completion in the middle is not built
            {"prompt":"a","echo":true,"logprobs":1} | echo together with logprobs
            {"prompt":"a","logprobs":500}        | logprobs must be between
            {"prompt":["a","b"],"rid":["x","y","z"]} | rid has 3 names for 2 prompts
            """)
    void completionsRefuseWhatTheyCannotDo(String body, String message) throws Exception {
        assertThat(refused("/v1/completions", body).at("/message").asString()).contains(message);
    }

    @Test
    void invalidUtf8IsRefused() throws Exception {
        byte[] body =
                "{\"messages\":[{\"role\":\"user\",\"content\":\"\u00ff\"}]}".getBytes(StandardCharsets.ISO_8859_1);
        HttpResponse<String> response = fixture.send(HttpRequest.newBuilder(fixture.uri(CHAT))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build());

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("not valid JSON: Invalid UTF-8");
    }

    @Test
    void theMediaTypeHasToBeJsonWithOrWithoutParameters() throws Exception {
        String body = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
        HttpResponse<String> refused = send(body, "text/plain");
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("only 'application/json' is allowed, got 'text/plain'");
        assertThat(send(body, "Application/JSON; charset=utf-8").statusCode()).isEqualTo(200);
    }

    /** As curl sends data of which nobody told it what they are. */
    @Test
    void whatIsJsonIsTakenForItWhereNobodySaysWhatItIs() throws Exception {
        String body = " \n{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
        assertThat(send(body, null).statusCode()).isEqualTo(200);
        assertThat(send(body, "application/x-www-form-urlencoded").statusCode()).isEqualTo(200);
        assertThat(send("messages=x", "application/x-www-form-urlencoded").body())
                .contains("only 'application/json' is allowed");
        assertThat(send("messages=x", null).body()).contains("the Content-Type header is missing");
        assertThat(send("", null).body()).contains("The request body is empty");
    }

    private HttpResponse<String> send(String body, String type) throws Exception {
        var request = HttpRequest.newBuilder(fixture.uri(CHAT)).POST(HttpRequest.BodyPublishers.ofString(body));
        return fixture.send((type == null ? request : request.header("Content-Type", type)).build());
    }

    @Test
    void whatTheEngineRefusesNamesTheFieldsOfTheApi() throws Exception {
        String[][] calls = {
            {CHAT, "{\"messages\":[M]}", "prompt", "messages"},
            {CHAT, "{\"messages\":[M],\"max_tokens\":5}", "max_new_tokens", "max_tokens"},
            {CHAT, "{\"messages\":[M],\"max_completion_tokens\":5}", "max_new_tokens", "max_completion_tokens"},
            {"/v1/completions", "{\"prompt\":\"a\"}", "max_new_tokens", "max_tokens"},
            {"/v1/completions", "{\"prompt\":\"a\"}", "prompt", "prompt"},
        };
        try {
            for (String[] call : calls) {
                fixture.engine.refusal = RequestRejected.invalid(call[2], "too long");
                assertThat(refused(call[0], call[1]).at("/param").asString()).isEqualTo(call[3]);
            }
        } finally {
            fixture.engine.refusal = null;
        }
    }

    @Test
    void whatTheEngineRefusesKeepsItsStatusAndWords() throws Exception {
        String message = "The input (9 tokens) is longer than the model's context length (8 tokens).";
        fixture.engine.refusal = RequestRejected.invalid("prompt", message);
        try {
            assertThat(refused(CHAT, "{\"messages\":[M]}").at("/message").asString())
                    .isEqualTo(message);
            assertThat(refused(CHAT, "{\"messages\":[M],\"stream\":true}")
                            .at("/message")
                            .asString())
                    .isEqualTo(message);
            assertThat(fixture.post("/generate", "{\"text\":\"a\"}").body())
                    .isEqualTo("{\"error\":{\"message\":\"" + message + "\"}}");
            fixture.engine.refusal = new IllegalStateException("broken");
            HttpResponse<String> response =
                    fixture.post(CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
            assertThat(response.statusCode()).isEqualTo(500);
            assertThat(response.body())
                    .isEqualTo("{\"object\":\"error\",\"message\":\"Internal server error: broken\","
                            + "\"type\":\"server_error\",\"param\":null,\"code\":500,"
                            + "\"error\":{\"message\":\"Internal server error: broken\","
                            + "\"type\":\"server_error\",\"param\":null,\"code\":500}}");
        } finally {
            fixture.engine.refusal = null;
        }
    }

    @Test
    void memoryThatEndsDuringOneRequestEndsThatOneAndSaysSo() throws Exception {
        String body = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
        fixture.engine.broken = new OutOfMemoryError("injected");
        try {
            HttpResponse<String> response = fixture.post(CHAT, body);
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.headers().firstValue("retry-after")).isPresent();
            assertThat(Fixture.JSON
                            .readTree(response.body())
                            .at("/error/message")
                            .asString())
                    .startsWith("out of memory while the request was worked on (injected); this request is ended");
        } finally {
            fixture.engine.broken = null;
        }
        assertThat(fixture.post(CHAT, body).statusCode()).isEqualTo(200);
    }

    @Test
    void anUnknownPathAndAWrongMethodAreToldAsJson() throws Exception {
        assertThat(fixture.get("/v2/chat").statusCode()).isEqualTo(404);
        assertThat(fixture.get("/v2/chat").body()).contains("\"message\":\"Not Found: there is no /v2/chat\"");
        HttpResponse<String> response = fixture.get(CHAT);
        assertThat(response.statusCode()).isEqualTo(405);
        assertThat(response.headers().firstValue("allow")).contains("POST");
        assertThat(response.body()).contains("Method Not Allowed");
    }

    @Test
    void aBodyThatIsTooLargeIsRefusedWhetherItSaysSoOrNot() throws Exception {
        byte[] body = new byte[MOST_BODY_BYTES + 1];
        Arrays.fill(body, (byte) ' ');
        var known = HttpRequest.BodyPublishers.ofByteArray(body);
        var unknown = HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
        for (HttpRequest.BodyPublisher publisher : new HttpRequest.BodyPublisher[] {known, unknown}) {
            HttpResponse<String> response = fixture.send(HttpRequest.newBuilder(fixture.uri(CHAT))
                    .header("Content-Type", "application/json")
                    .POST(publisher)
                    .build());
            assertThat(response.statusCode()).isEqualTo(413);
            assertThat(response.body()).contains("at most 100000 bytes");
        }
    }

    private JsonNode refused(String path, String body) throws Exception {
        HttpResponse<String> response =
                fixture.post(path, body.replace("[M]", "[{\"role\":\"user\",\"content\":\"x\"}]"));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonNode error = Fixture.JSON.readTree(response.body());
        assertThat(error.at("/object").asString()).isEqualTo("error");
        assertThat(error.at("/type").asString()).isEqualTo("invalid_request_error");
        assertThat(error.at("/code").asInt()).isEqualTo(400);
        assertThat(error.at("/message").asString()).doesNotContain("[Source", "`");
        for (String field : new String[] {"message", "type", "param", "code"}) {
            assertThat(error.at("/error/" + field)).as(field).isEqualTo(error.at("/" + field));
        }
        return error;
    }
}
