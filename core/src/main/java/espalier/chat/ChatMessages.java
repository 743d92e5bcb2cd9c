package espalier.chat;

import espalier.api.RequestRejected;
import espalier.jinja.Template;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Messages of the OpenAI API as chat templates expect them. */
final class ChatMessages {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    /** What a message's reasoning goes by; templates read the first, some the second. */
    private static final List<String> REASONING = List.of("reasoning_content", "thinking", "reasoning");

    private ChatMessages() {}

    /** What a template takes as the content of a message. */
    enum Content {
        TEXT,
        PARTS;

        private static final List<String> MEDIA = List.of("image", "audio", "video", "vision");

        /** Parts where the template speaks of media, or loops over the content of its messages; else text. */
        static Content of(Template template, String source) {
            boolean parts = MEDIA.stream().anyMatch(source::contains)
                    || template.loopsOver("message", "content")
                    || template.loopsOver("msg", "content")
                    || template.loopsOver("m", "content");
            return parts ? PARTS : TEXT;
        }
    }

    /** The messages in the template's manner; the given ones stay as they are. */
    static List<Map<String, Object>> prepared(
            List<Map<String, Object>> messages, Content content, Continuation continuation) {
        List<Map<String, Object>> prepared = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            prepared.add(withReasoning(prepared(messages.get(i), content, "messages[" + i + "]")));
        }
        Map<String, Object> last = prepared.getLast();
        boolean answered = "assistant".equals(last.get("role")) && last.get("content") instanceof String;
        if (answered && continuation == Continuation.ADD_GENERATION_PROMPT) {
            // An answer is asked for, so what stands last is taken for the question.
            Map<String, Object> question = new LinkedHashMap<>();
            question.put("role", "user");
            question.put("content", String.valueOf(last.get("content")));
            prepared.set(prepared.size() - 1, question);
        }
        return prepared;
    }

    /** Without what is null, but with a content. */
    private static Map<String, Object> prepared(Map<String, Object> message, Content content, String where) {
        Map<String, Object> prepared = new LinkedHashMap<>();
        for (Map.Entry<String, Object> entry : message.entrySet()) {
            @Nullable Object value = entry.getValue();
            if (entry.getKey().equals("content")) {
                prepared.put("content", content(value, content, where + ".content"));
            } else if (entry.getKey().equals("tool_calls") && value instanceof List<?> calls) {
                prepared.put("tool_calls", toolCalls(calls, where + ".tool_calls"));
            } else if (value != null) {
                prepared.put(entry.getKey(), value);
            }
        }
        prepared.putIfAbsent("content", "");
        return prepared;
    }

    private static Object content(@Nullable Object value, Content content, String where) {
        if (value == null) {
            return "";
        }
        if (!(value instanceof List<?> given)) {
            return value;
        }
        List<Object> parts = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < given.size(); i++) {
            Object part = given.get(i);
            String type = part instanceof Map<?, ?> map ? String.valueOf(map.get("type")) : "";
            if (part instanceof Map<?, ?> map && type.equals("text") && map.get("text") instanceof String text) {
                texts.add(text);
                parts.add(object(map));
            } else if (part instanceof Map<?, ?> map && type.equals("tool_reference")) {
                parts.add(object(map));
            } else {
                throw RequestRejected.invalid(
                        "messages",
                        where + "[" + i + "] is of type '" + type
                                + "'; this model is served for text: send parts of type"
                                + " 'text' with a field 'text'");
            }
        }
        return switch (content) {
            case PARTS -> parts;
            case TEXT -> String.join(" ", texts);
        };
    }

    private static List<Object> toolCalls(List<?> calls, String where) {
        List<Object> parsed = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            boolean isCall = calls.get(i) instanceof Map<?, ?> map && map.get("function") instanceof Map<?, ?>;
            parsed.add(isCall ? toolCall((Map<?, ?>) calls.get(i), where + "[" + i + "]") : calls.get(i));
        }
        return parsed;
    }

    /** Arguments travel as a text of JSON; templates take the object. */
    private static Map<String, Object> toolCall(Map<?, ?> call, String where) {
        Map<String, Object> copy = object(call);
        if (call.get("function") instanceof Map<?, ?> function
                && function.get("arguments") instanceof String arguments) {
            Map<String, Object> parsed = object(function);
            parsed.put("arguments", arguments.isBlank() ? Map.of() : json(arguments, where + ".function.arguments"));
            copy.put("function", parsed);
        }
        return copy;
    }

    private static Object json(String text, String where) {
        try {
            @Nullable Object value = JSON.readValue(text, Object.class);
            return value == null ? Map.of() : value;
        } catch (JacksonException e) {
            throw RequestRejected.invalid("messages", where + " is not JSON: " + e.getOriginalMessage());
        }
    }

    /** A message's reasoning under the names that templates read it by. */
    private static Map<String, Object> withReasoning(Map<String, Object> message) {
        for (String name : REASONING) {
            Object reasoning = message.get(name);
            if (reasoning != null) {
                Map<String, Object> named = new LinkedHashMap<>();
                named.put("thinking", reasoning);
                named.putAll(message);
                named.put("reasoning_content", reasoning);
                return named;
            }
        }
        return message;
    }

    static Map<String, Object> object(Map<?, ?> map) {
        Map<String, Object> copy = new LinkedHashMap<>();
        map.forEach((key, value) -> copy.put(String.valueOf(key), value));
        return copy;
    }
}
