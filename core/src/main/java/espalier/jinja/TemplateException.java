package espalier.jinja;

import java.util.Objects;

/**
 * A template that cannot be compiled or rendered. The message is the reason alone; {@link #line} says where (1-based, 0 where no
 * line is known).
 */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Who is at fault. */
    public enum Kind {
        /** The source is not a template of this language. */
        SYNTAX,
        /** The template refused its input: {@code raise_exception(message)}. The message is exactly what the template said. */
        RAISED,
        /** An operation failed while rendering, as it would in Python. */
        FAILED,
        /** The template asked for more work, output or depth than is allowed. */
        LIMIT
    }

    private final Kind kind;
    private final int line;

    TemplateException(Kind kind, int line, String message) {
        super(message);
        this.kind = kind;
        this.line = line;
    }

    TemplateException(int line, Failure cause) {
        super(cause.getMessage(), cause);
        this.kind = cause.kind();
        this.line = line;
    }

    public Kind kind() {
        return kind;
    }

    /** The line of the template at fault, counted from 1; 0 where none is known. */
    public int line() {
        return line;
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNullElse(super.getMessage(), "");
    }

    @Override
    public String toString() {
        return "TemplateException: " + (line > 0 ? "line " + line + ": " : "") + getMessage();
    }
}
