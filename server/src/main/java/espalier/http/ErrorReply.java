package espalier.http;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Error bodies: one shape on the paths of the OpenAI API, one on SGLang's own.
 *
 * <p>OpenAI's clients read {@code {"error": {"message", "type", "param", "code"}}}; those of SGLang the same fields one level
 * up, beside {@code "object": "error"}. A body of this API has both. SGLang's own endpoints answer
 * {@code {"error": {"message"}}}. The types are OpenAI's: {@code invalid_request_error}, {@code authentication_error},
 * {@code service_unavailable_error}, {@code server_error}.
 */
public final class ErrorReply {
    /** Seconds; a place in the queue is free about as often as a request ends. */
    private static final String RETRY_AFTER = "1";

    private ErrorReply() {}

    /** What is answered at {@code path} to a request that ended by {@code cause}. */
    public static Reply to(String path, RuntimeException cause) {
        String parameter = cause instanceof RequestRejected r ? r.parameter() : null;
        return to(path, status(cause), message(cause), parameter);
    }

    /** What is answered at {@code path} to a request whose thread ended by what nobody had reckoned with. */
    static Reply unexpected(String path, Throwable cause) {
        return cause instanceof OutOfMemoryError none
                ? to(path, EngineFault.outOfMemory("the request was worked on", none))
                : to(path, 500, "Internal server error: " + cause);
    }

    /** What is answered at {@code path} with a status of its own. */
    public static Reply to(String path, int status, String message) {
        return to(path, status, message, null);
    }

    /** The one error that OpenAI has a code of its own for. */
    public static Reply noModel(String name) {
        var fields = fields(404, "The model '" + name + "' does not exist", "model");
        fields.put("code", "model_not_found");
        return Reply.json(404, body(fields));
    }

    private static Reply to(String path, int status, String message, @Nullable String parameter) {
        Reply reply = isOpenAi(path)
                ? Reply.json(status, body(fields(status, message, parameter)))
                : Reply.json(status, Map.of("error", Map.of("message", message)));
        return status == 503 ? reply.with(Map.of("retry-after", RETRY_AFTER)) : reply;
    }

    /** The error that an event of a stream carries, as SGLang has it. */
    public static Map<String, @Nullable Object> event(RuntimeException cause) {
        String parameter = cause instanceof RequestRejected r ? r.parameter() : null;
        return marked(fields(status(cause), message(cause), parameter));
    }

    public static int status(RuntimeException cause) {
        return cause instanceof RequestRejected rejected
                ? switch (rejected.code()) {
                    case INVALID -> 400;
                    case NOT_FOUND -> 404;
                    case OVERLOADED -> 503;
                }
                : cause.getCause() instanceof OutOfMemoryError ? 503 : 500;
    }

    public static String message(RuntimeException cause) {
        String message = String.valueOf(cause.getMessage());
        return status(cause) == 500 ? "Internal server error: " + message : message;
    }

    /** What OpenAI calls an error of that status. */
    public static String type(int status) {
        return switch (status) {
            case 401 -> "authentication_error";
            case 503 -> "service_unavailable_error";
            default -> status < 500 ? "invalid_request_error" : "server_error";
        };
    }

    private static boolean isOpenAi(String path) {
        return path.startsWith("/v1/") || path.equals("/invocations");
    }

    private static Map<String, @Nullable Object> body(Map<String, @Nullable Object> fields) {
        var body = marked(fields);
        body.put("error", fields);
        return body;
    }

    private static Map<String, @Nullable Object> marked(Map<String, @Nullable Object> fields) {
        var marked = new LinkedHashMap<String, @Nullable Object>();
        marked.put("object", "error");
        marked.putAll(fields);
        return marked;
    }

    private static Map<String, @Nullable Object> fields(int status, String message, @Nullable String parameter) {
        return Json.object("message", message, "type", type(status), "param", parameter, "code", status);
    }
}
