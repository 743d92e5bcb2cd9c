package espalier.api;

import org.jspecify.annotations.Nullable;

/** Theirs: what was asked cannot be done. The message names the thing and the way out; surfaces map the code to a status. */
public final class RequestRejected extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What kind of refusal it is. */
    public enum Code {
        /** A parameter or body is wrong: HTTP 400. */
        INVALID,
        /** What is named does not exist: HTTP 404. */
        NOT_FOUND,
        /** The queue is full or the server is shutting down: HTTP 503. */
        OVERLOADED
    }

    private final Code code;
    private final transient @Nullable String parameter;

    public RequestRejected(Code code, String message, @Nullable String parameter) {
        super(message);
        this.code = code;
        this.parameter = parameter;
    }

    public static RequestRejected invalid(String parameter, String message) {
        return new RequestRejected(Code.INVALID, message, parameter);
    }

    public Code code() {
        return code;
    }

    /** The field or flag at fault, if one is. */
    public @Nullable String parameter() {
        return parameter;
    }

    @Override
    public String getMessage() {
        return java.util.Objects.requireNonNullElse(super.getMessage(), "");
    }
}
