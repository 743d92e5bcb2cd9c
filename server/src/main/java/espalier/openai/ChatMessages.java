package espalier.openai;

import espalier.api.RequestRejected;
import espalier.http.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Checks messages and brings them into the shape that chat templates expect: content is a string (parts of text are
 * joined by blanks, as in SGLang), and the arguments of earlier tool calls are objects rather than JSON in a string.
 */
final class ChatMessages {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();
    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool", "function", "latest_reminder");

    private ChatMessages() {}

    static List<Map<String, Object>> read(JsonObject body) {
        List<?> list = body.list("messages");
        if (list == null) {
            throw JsonObject.malformed("messages is required");
        }
        if (list.isEmpty()) {
            throw RequestRejected.invalid("messages", "Messages cannot be empty.");
        }
        var messages = new ArrayList<Map<String, Object>>();
        for (int i = 0; i < list.size(); i++) {
            messages.add(message(JsonObject.of(list.get(i), "messages[" + i + "]")));
        }
        return messages;
    }

    private static Map<String, Object> message(JsonObject message) {
        String role = message.string("role");
        if (role == null || !ROLES.contains(role)) {
            throw JsonObject.malformed(message.pathOf("role") + " must be one of "
                    + String.join(", ", ROLES.stream().sorted().toList()) + ", got " + role);
        }
        Map<String, Object> map = message.toMap();
        map.put("content", content(message));
        List<?> calls = message.list("tool_calls");
        if (calls != null) {
            map.put("tool_calls", toolCalls(calls, message.pathOf("tool_calls")));
        }
        return map;
    }

    private static String content(JsonObject message) {
        return switch (message.raw("content")) {
            case null -> "";
            case String s -> s;
            case List<?> parts -> joined(parts, message.pathOf("content"));
            case Object o -> throw JsonObject.wrong(message.pathOf("content"), "a string or a list of parts", o);
        };
    }

    private static String joined(List<?> parts, String path) {
        var texts = new ArrayList<String>();
        for (int i = 0; i < parts.size(); i++) {
            JsonObject part = JsonObject.of(parts.get(i), path + "[" + i + "]");
            String type = part.string("type");
            if (!"text".equals(type)) {
                throw RequestRejected.invalid(
                        part.pathOf("type"), part.pathOf("type") + ": '" + type + "': this model takes text only");
            }
            String text = part.string("text");
            if (text == null) {
                throw JsonObject.malformed(part.pathOf("text") + " is required");
            }
            texts.add(text);
        }
        return String.join(" ", texts);
    }

    private static List<Object> toolCalls(List<?> calls, String path) {
        var shaped = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            JsonObject call = JsonObject.of(calls.get(i), path + "[" + i + "]");
            var map = new LinkedHashMap<>(call.toMap());
            JsonObject function = call.object("function");
            if (function != null) {
                Map<String, Object> inner = function.toMap();
                if (inner.get("arguments") instanceof String json) {
                    inner.put("arguments", parsed(json, function.pathOf("arguments")));
                }
                map.put("function", inner);
            }
            shaped.add(map);
        }
        return shaped;
    }

    private static @Nullable Object parsed(String json, String path) {
        try {
            return json.isBlank() ? Map.of() : MAPPER.readValue(json, Object.class);
        } catch (JacksonException e) {
            throw RequestRejected.invalid(path, path + " is not valid JSON: " + e.getOriginalMessage());
        }
    }
}
