package espalier.chat;

import espalier.api.RequestRejected;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a rendered conversation right after the content of its last message, so that the model goes on writing it: the content is
 * rendered with a mark at its end, and the prompt ends where the mark comes out.
 */
final class FinalMessage {
    /** The blank shows whether the template strips the content's end. */
    private static final String MARK = "CONTINUE_FINAL_MESSAGE_TAG ";

    private FinalMessage() {}

    static String continued(
            List<Map<String, Object>> messages, String source, Function<List<Map<String, Object>>, String> render) {
        Map<String, Object> last = new LinkedHashMap<>(messages.getLast());
        if (!source.contains("content")) {
            throw invalid("this model's chat template reads no content that could be continued");
        }
        String text;
        if (last.get("content") instanceof List<?> parts) {
            List<Object> marked = new ArrayList<>(parts);
            text = mark(marked);
            last.put("content", marked);
        } else {
            text = String.valueOf(last.get("content"));
            last.put("content", text + MARK);
        }
        List<Map<String, Object>> all = new ArrayList<>(messages);
        all.set(all.size() - 1, last);
        return cut(render.apply(all), text);
    }

    /** Marks the last text among the parts, and gives it without the mark. */
    private static String mark(List<Object> parts) {
        for (int i = parts.size() - 1; i >= 0; i--) {
            if (parts.get(i) instanceof Map<?, ?> part && part.get("text") instanceof String text) {
                Map<String, Object> marked = ChatMessages.object(part);
                marked.put("text", text + MARK);
                parts.set(i, marked);
                return text;
            }
        }
        throw invalid("the last message has no text to continue");
    }

    private static String cut(String rendered, String text) {
        int at = rendered.lastIndexOf(MARK.strip());
        if (at < 0 || !rendered.contains(strip(text))) {
            throw invalid(
                    "this model's chat template does not render the last message as it is, so it cannot be continued");
        }
        String prompt = rendered.substring(0, at);
        return rendered.startsWith(MARK, at) ? prompt : stripEnd(prompt);
    }

    private static String strip(String text) {
        int start = 0;
        while (start < text.length() && isSpace(text.charAt(start))) {
            start++;
        }
        return stripEnd(text.substring(start));
    }

    private static String stripEnd(String text) {
        int end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(0, end);
    }

    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
    }

    private static RequestRejected invalid(@Nullable String why) {
        return RequestRejected.invalid("continue_final_message", "continue_final_message: " + why);
    }
}
