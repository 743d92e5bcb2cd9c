package espalier.openai;

import espalier.api.RequestRejected;
import espalier.http.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Checks the form of messages; what a template makes of them is the text path's. */
final class MessageFields {
    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool", "function", "latest_reminder");

    private MessageFields() {}

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
        switch (message.raw("content")) {
            case null -> {}
            case String _ -> {}
            case List<?> parts -> objects(parts, message.pathOf("content"));
            case Object o -> throw JsonObject.wrong(message.pathOf("content"), "a string or a list of parts", o);
        }
        List<?> calls = message.list("tool_calls");
        if (calls != null) {
            objects(calls, message.pathOf("tool_calls"));
        }
        return message.toMap();
    }

    private static void objects(List<?> list, String path) {
        for (int i = 0; i < list.size(); i++) {
            if (!(list.get(i) instanceof Map<?, ?>)) {
                throw JsonObject.wrong(path + "[" + i + "]", "an object", list.get(i));
            }
        }
    }
}
