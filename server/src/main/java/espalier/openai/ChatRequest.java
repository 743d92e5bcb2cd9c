package espalier.openai;

import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.chat.ChatPrompt;
import espalier.chat.Continuation;
import espalier.chat.Prompt;
import espalier.chat.TextRequest;
import espalier.http.JsonObject;
import espalier.serving.Rids;
import espalier.serving.Service;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A body of {@code /v1/chat/completions}, read.
 *
 * @param logprobs whether the answer shows log-probabilities
 */
record ChatRequest(TextRequest text, Delivery delivery, boolean logprobs) {

    static ChatRequest read(JsonObject body, Service service) {
        var common = new CommonFields(body);
        if (body.raw("input_ids") != null) {
            throw RequestRejected.invalid(
                    "input_ids", "input_ids: a chat begins with messages; send ids to /v1/completions or /generate");
        }
        ChatPrompt prompt = prompt(body);
        boolean logprobs = body.isTrue("logprobs");
        String rid = body.string("rid");
        // A template's marks around tool calls are special tokens in many vocabularies, and they are the answer.
        var text = new TextRequest(
                rid == null ? Rids.fresh() : rid,
                new Prompt.Chat(prompt),
                sampling(body, common, service, logprobs),
                body.strings("stop"),
                common.choices(),
                common.output(prompt.tools() != null),
                common.priority(),
                common.cacheSalt());
        return new ChatRequest(text, Delivery.read(body), logprobs);
    }

    /** The conversation alone: messages, tools, template variables. */
    static ChatPrompt prompt(JsonObject body) {
        List<Map<String, Object>> messages = MessageFields.read(body);
        List<Map<String, Object>> tools = toolChoice(body).equals("none") ? null : tools(body);
        return new ChatPrompt(messages, tools, variables(body), continuation(body));
    }

    private static SamplingParams sampling(JsonObject body, CommonFields common, Service service, boolean logprobs) {
        SamplingParams.Builder sampling = common.sampling(service.engine().samplingDefaults(), service);
        Integer most = body.integer("max_completion_tokens");
        String name = most == null ? "max_tokens" : "max_completion_tokens";
        most = most == null ? body.integer("max_tokens") : most;
        int context = service.engine().engine().info().contextLength();
        if (most != null && most > context) {
            throw RequestRejected.invalid(
                    name,
                    name + " is too large: " + most + ". This model supports at most " + context
                            + " completion tokens");
        }
        common.length(sampling, name, most);
        Integer top = body.integer("top_logprobs");
        if (top != null && top < 0) {
            throw RequestRejected.invalid("top_logprobs", "top_logprobs must be at least 0, got " + top);
        }
        sampling.logprobs(logprobs ? Objects.requireNonNullElse(top, 0) : -1);
        return sampling.build();
    }

    private static String toolChoice(JsonObject body) {
        Object choice = body.raw("tool_choice");
        if (choice == null) {
            return "auto";
        }
        if (choice instanceof String s && (s.equals("auto") || s.equals("none"))) {
            return s;
        }
        if (choice instanceof Map<?, ?> || "required".equals(choice)) {
            throw RequestRejected.invalid(
                    "tool_choice",
                    "tool_choice: forcing a call needs structured output, which is not built in this version; use"
                            + " \"auto\" or \"none\"");
        }
        throw JsonObject.wrong("tool_choice", "\"auto\", \"none\", \"required\" or an object", choice);
    }

    private static @Nullable List<Map<String, Object>> tools(JsonObject body) {
        List<?> list = body.list("tools");
        if (list == null || list.isEmpty()) {
            return null;
        }
        var tools = new ArrayList<Map<String, Object>>();
        for (int i = 0; i < list.size(); i++) {
            JsonObject tool = JsonObject.of(list.get(i), "tools[" + i + "]");
            JsonObject function = tool.object("function");
            if (function == null || function.string("name") == null) {
                throw JsonObject.malformed(tool.pathOf("function.name") + " is required");
            }
            tools.add(tool.toMap());
        }
        return tools;
    }

    private static Map<String, Object> variables(JsonObject body) {
        JsonObject given = body.object("chat_template_kwargs");
        Map<String, Object> variables = given == null ? new LinkedHashMap<>() : given.toMap();
        Object effort = body.raw("reasoning_effort");
        if (effort != null) {
            variables.putIfAbsent("reasoning_effort", effort);
        }
        return variables;
    }

    private static Continuation continuation(JsonObject body) {
        return body.isTrue("continue_final_message")
                ? Continuation.CONTINUE_FINAL_MESSAGE
                : Continuation.ADD_GENERATION_PROMPT;
    }
}
