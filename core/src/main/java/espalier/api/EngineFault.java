package espalier.api;

import org.jspecify.annotations.Nullable;

/** Ours: a file, the machine or the engine itself is at fault. The message says what, why, and what to do. */
public final class EngineFault extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What failed. */
    public enum Code {
        /** A model, tokenizer or template that cannot be read. */
        CHECKPOINT,
        /** Not enough memory, no such device, a port in use. */
        RESOURCE,
        /** A device reported an error. */
        DEVICE,
        /** A broken invariant of ours. */
        INTERNAL
    }

    private final Code code;

    public EngineFault(Code code, String message) {
        super(message);
        this.code = code;
    }

    public EngineFault(Code code, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    /** Memory ended while one request was worked on; only that one ends by it. */
    public static EngineFault outOfMemory(String doing, OutOfMemoryError cause) {
        return new EngineFault(
                Code.RESOURCE,
                "out of memory while " + doing + " (" + cause.getMessage()
                        + "); this request is ended, others go on: send it again later or shorter, or start the server with a"
                        + " larger heap (-Xmx)",
                cause);
    }

    public Code code() {
        return code;
    }

    @Override
    public String getMessage() {
        return java.util.Objects.requireNonNullElse(super.getMessage(), "");
    }
}
