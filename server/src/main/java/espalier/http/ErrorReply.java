package espalier.http;

import espalier.api.RequestRejected;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Error bodies in SGLang's shapes. A refusal that names no parameter is one of form (not JSON, a wrong type), of which
 * the message names the place; one that names a parameter is of sense.
 */
public final class ErrorReply {
    private ErrorReply() {}

    /** The flat body of the OpenAI endpoints. */
    public static Reply flat(RuntimeException cause) {
        return Reply.json(status(cause), flatBody(cause));
    }

    /** {@code {"error": {"message": ...}}}, the body of the native endpoints. */
    public static Reply nested(RuntimeException cause) {
        return Reply.json(status(cause), Map.of("error", Map.of("message", message(cause))));
    }

    public static Reply flat(int status, String type, String message) {
        return Reply.json(status, body(message, type, null, status));
    }

    public static Map<String, @Nullable Object> flatBody(RuntimeException cause) {
        int status = status(cause);
        String parameter = cause instanceof RequestRejected r ? r.parameter() : null;
        return body(message(cause), type(cause), parameter, status);
    }

    public static int status(RuntimeException cause) {
        return cause instanceof RequestRejected rejected
                ? switch (rejected.code()) {
                    case INVALID -> 400;
                    case NOT_FOUND -> 404;
                    case OVERLOADED -> 503;
                }
                : 500;
    }

    public static String message(RuntimeException cause) {
        String message = String.valueOf(cause.getMessage());
        return cause instanceof RequestRejected ? message : "Internal server error: " + message;
    }

    private static String type(RuntimeException cause) {
        return cause instanceof RequestRejected rejected
                ? switch (rejected.code()) {
                    case INVALID -> rejected.parameter() == null ? "Bad Request" : "BadRequestError";
                    case NOT_FOUND -> "404";
                    case OVERLOADED -> "503";
                }
                : "InternalServerError";
    }

    private static Map<String, @Nullable Object> body(
            String message, String type, @Nullable String parameter, int code) {
        var body = new LinkedHashMap<String, @Nullable Object>();
        body.put("object", "error");
        body.put("message", message);
        body.put("type", type);
        body.put("param", parameter);
        body.put("code", code);
        return body;
    }
}
