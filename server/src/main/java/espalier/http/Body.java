package espalier.http;

import espalier.http.ListenerOptions.Limits;
import java.io.ByteArrayOutputStream;
import java.util.concurrent.atomic.AtomicLong;

/** The body of a request as it comes in, counted with those of all open requests. One thread adds, any may release. */
final class Body {
    /** What becomes of a part. */
    enum Fit {
        TAKEN,
        /** The body is longer than one may be. */
        TOO_LONG,
        /** All bodies together are longer than they may be, or than there is memory for. */
        TOO_MUCH
    }

    private final Limits limits;
    private final AtomicLong all;
    private final AtomicLong counted = new AtomicLong();
    private ByteArrayOutputStream parts = new ByteArrayOutputStream(0);

    /** @param all bytes of the bodies of all open requests */
    Body(Limits limits, AtomicLong all) {
        this.limits = limits;
        this.all = all;
    }

    Fit add(byte[] part) {
        if (parts.size() + part.length > limits.bodyBytes()) {
            return Fit.TOO_LONG;
        }
        counted.addAndGet(part.length);
        if (all.addAndGet(part.length) > limits.allBodyBytes()) {
            return Fit.TOO_MUCH;
        }
        try {
            parts.writeBytes(part);
        } catch (OutOfMemoryError none) {
            parts = new ByteArrayOutputStream(0);
            return Fit.TOO_MUCH;
        }
        return Fit.TAKEN;
    }

    /** Everything, for the thread that was started after the last part; it stays counted until its request is over. */
    byte[] take() {
        byte[] whole = parts.toByteArray();
        parts = new ByteArrayOutputStream(0);
        return whole;
    }

    /** It counts no more; once or several times. */
    void release() {
        all.addAndGet(-counted.getAndSet(0));
    }
}
