package espalier.serving;

import espalier.api.Emission.FinishReason;
import espalier.api.RequestRejected;
import espalier.chat.Completion;
import espalier.chat.TextEvent;
import espalier.chat.TextRequest;
import espalier.chat.Usage;
import espalier.http.Exchange;
import org.jspecify.annotations.Nullable;

/**
 * One text request under way for one exchange: it is counted, it has a name by which it can be aborted, and it is
 * cancelled when its exchange is. One thread reads it; any thread may cancel it.
 */
public final class Run implements AutoCloseable {
    private final Service service;
    private final Exchange exchange;
    private final TextRequest request;
    private final long startNanos = System.nanoTime();
    private volatile @Nullable Completion completion;
    private volatile boolean cancelled;
    private long lastNanos;
    private int open;
    private boolean wasAborted;
    private boolean counted;

    Run(Service service, Exchange exchange, TextRequest request) {
        this.service = service;
        this.exchange = exchange;
        this.request = request;
        this.open = request.choices();
    }

    /** The engine has accepted it. */
    void begin(Completion accepted) {
        completion = accepted;
        exchange.onCancel(this::cancel);
        if (cancelled) { // before there was anything to cancel
            accepted.close();
        }
    }

    public String rid() {
        return request.rid();
    }

    public int promptTokens() {
        return completion().promptTokens();
    }

    public double elapsedSeconds() {
        return (System.nanoTime() - startNanos) * 1e-9;
    }

    /** True while a choice has not ended. */
    public boolean isOpen() {
        return open > 0;
    }

    /** Waits for the next event. One that was cut off because the server stops has failed rather than finished. */
    public TextEvent next() throws InterruptedException {
        TextEvent event = completion().next();
        return switch (event) {
            case TextEvent.Delta d -> {
                begun();
                count(d.tokens().size());
                yield d;
            }
            case TextEvent.Finished f -> {
                begun();
                count(f.choice(), f.usage());
                end(f.reason() == FinishReason.ABORT);
                boolean stopping =
                        f.reason() == FinishReason.ABORT && exchange.cancellation() == Exchange.Cancellation.SHUTDOWN;
                yield stopping ? new TextEvent.Failed(f.choice(), Service.shuttingDown()) : f;
            }
            case TextEvent.Failed f -> {
                if (counted || !(f.cause() instanceof RequestRejected)) {
                    begun();
                    end(true);
                } else {
                    open--;
                }
                yield f;
            }
        };
    }

    /** It counts from its first event on: one that a full queue refuses is no request that was processed, nor aborted. */
    private void begun() {
        if (!counted) {
            counted = true;
            service.metrics().started(promptTokens());
        }
    }

    private void count(int tokens) {
        if (tokens == 0) {
            return;
        }
        long now = System.nanoTime();
        if (lastNanos == 0) {
            service.metrics().firstToken((now - startNanos) * 1e-9);
        } else {
            service.metrics().nextTokens((now - lastNanos) * 1e-9, tokens);
        }
        lastNanos = now;
    }

    /** A prompt counts once, however many answers it has. */
    private void count(int choice, Usage usage) {
        if (choice == 0) {
            service.metrics().promptRead(usage.promptTokens(), usage.cachedTokens());
        }
        service.metrics().generated(usage.completionTokens());
    }

    private void end(boolean aborted) {
        open--;
        wasAborted |= aborted;
        if (open == 0) {
            service.metrics().ended(elapsedSeconds());
            if (wasAborted) {
                service.metrics().aborted();
            }
        }
    }

    /** Ends it as soon as the engine can; its terminal events still arrive. Its name is free from now on. */
    public void cancel() {
        cancelled = true;
        service.ended(this);
        Completion c = completion;
        if (c != null) {
            c.close();
        }
    }

    /** Cancels what is open, and frees the name. */
    @Override
    public void close() {
        completion().close();
        service.ended(this);
    }

    private Completion completion() {
        return java.util.Objects.requireNonNull(completion);
    }
}
