package espalier.chat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A conversation before its template is rendered, in the shapes of the OpenAI API.
 *
 * @param messages role, content, tool_calls ... of each message, as JSON values (null, Boolean, Number, String, List,
 *     Map)
 * @param tools the functions that may be called, or null
 * @param variables further variables of the template ({@code chat_template_kwargs})
 */
public record ChatPrompt(
        List<Map<String, Object>> messages,
        @Nullable List<Map<String, Object>> tools,
        Map<String, Object> variables,
        Continuation continuation) {

    public ChatPrompt {
        messages = Collections.unmodifiableList(new ArrayList<>(messages));
        tools = tools == null ? null : Collections.unmodifiableList(new ArrayList<>(tools));
        variables = Collections.unmodifiableMap(new LinkedHashMap<>(variables));
    }

    /** One question, answered by the model. */
    public static ChatPrompt user(String text) {
        return new ChatPrompt(
                List.of(Map.of("role", "user", "content", text)), null, Map.of(), Continuation.ADD_GENERATION_PROMPT);
    }
}
