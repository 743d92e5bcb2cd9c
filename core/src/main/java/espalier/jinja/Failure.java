package espalier.jinja;

import espalier.jinja.TemplateException.Kind;
import java.util.Objects;

/** An operation that failed, before anyone knows on which line; {@link Body} adds the line on the way out. */
final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Kind kind;

    private Failure(Kind kind, String message) {
        super(message, null, false, false);
        this.kind = kind;
    }

    static Failure of(String message) {
        return new Failure(Kind.FAILED, message);
    }

    static Failure raised(String message) {
        return new Failure(Kind.RAISED, message);
    }

    static Failure limit(String message) {
        return new Failure(Kind.LIMIT, message);
    }

    Kind kind() {
        return kind;
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNullElse(super.getMessage(), "");
    }
}
