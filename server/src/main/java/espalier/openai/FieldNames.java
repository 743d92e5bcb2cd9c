package espalier.openai;

import espalier.api.RequestRejected;
import espalier.chat.TextRequest;
import espalier.http.Exchange;
import espalier.http.JsonObject;
import espalier.serving.Runs;
import espalier.serving.Service;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the fields that the engine's refusals name are called in an API.
 *
 * @param prompt the field that has the input
 * @param length the field that says how long the answer may be
 */
record FieldNames(String prompt, String length) {
    static final FieldNames COMPLETION = new FieldNames("prompt", "max_tokens");

    /** Of a chat, whose length has an old name and a new one. */
    static FieldNames chat(JsonObject body) {
        boolean old = body.raw("max_completion_tokens") == null && body.raw("max_tokens") != null;
        return new FieldNames("messages", old ? "max_tokens" : "max_completion_tokens");
    }

    /** As {@link Runs#start}; what it throws names the fields of this API. */
    Runs start(Service service, Exchange exchange, List<TextRequest> requests) {
        try {
            return Runs.start(service, exchange, requests);
        } catch (RequestRejected e) {
            @Nullable String theirs = e.parameter();
            @Nullable
            String name = switch (theirs) {
                case null -> null;
                case "prompt" -> prompt;
                case "max_new_tokens" -> length;
                default -> theirs;
            };
            throw new RequestRejected(e.code(), e.getMessage(), name);
        }
    }
}
