package espalier.serving;

import espalier.api.RequestRejected;
import espalier.chat.Prompt;
import espalier.chat.TextEngine;
import espalier.chat.TextRequest;
import espalier.http.Exchange;
import espalier.metrics.ServingMetrics;
import espalier.text.Specials;
import java.util.concurrent.atomic.AtomicLong;

/** The model that is served, and the one door through which every endpoint's requests reach it. */
public final class Service {

    /** Where the server stands in its life. */
    public enum Phase {
        STARTING,
        READY,
        STOPPING
    }

    private final TextEngine engine;
    private final ServingOptions options;
    private final ServingMetrics metrics;
    private final OpenRequests open = new OpenRequests();
    private final AtomicLong serial = new AtomicLong();
    private volatile Phase phase = Phase.STARTING;

    public Service(TextEngine engine, ServingOptions options) {
        this.engine = engine;
        this.options = options;
        this.metrics = new ServingMetrics(engine.card().servedName());
        metrics.watch(engine.engine().info(), () -> engine.engine().load());
    }

    public TextEngine engine() {
        return engine;
    }

    public ServingOptions options() {
        return options;
    }

    public ServingMetrics metrics() {
        return metrics;
    }

    public Phase phase() {
        return phase;
    }

    public void enter(Phase next) {
        phase = next;
    }

    /**
     * Starts a request on behalf of {@code exchange}: when its client goes away, the request is cancelled. Throws
     * {@link RequestRejected} as {@link TextEngine#start} does, and while the server is shutting down.
     *
     * <p>The names that users give are kept here alone. The engine knows the request by one of ours, since it frees a
     * name only when it comes to hear of the end: a quick retry with the same name is no duplicate.
     */
    public Run start(Exchange exchange, TextRequest request) {
        if (phase == Phase.STOPPING) {
            throw shuttingDown();
        }
        var run = new Run(this, exchange, request);
        open.add(request.rid(), run);
        boolean begun = false;
        try {
            run.begin(engine.start(request.named(request.rid() + "#" + serial.getAndIncrement())));
            begun = true;
            return run;
        } finally {
            if (!begun) {
                run.cancel();
                open.remove(request.rid(), run);
            }
        }
    }

    public int vocabSize() {
        return engine.engine().info().vocabSize();
    }

    /** What a prompt reads as; that of a conversation is what its template renders. */
    public String textOf(Prompt prompt) {
        return prompt instanceof Prompt.Text t
                ? t.text()
                : engine.tokenizer().decode(engine.promptIds(prompt), Specials.SKIP);
    }

    /** Cancels the open requests whose name begins with {@code prefix}. */
    public void abort(String prefix) {
        open.abort(prefix);
    }

    /** Requests under way. */
    public int openRequests() {
        return open.size();
    }

    void ended(Run run) {
        open.remove(run.rid(), run);
    }

    static RequestRejected shuttingDown() {
        return new RequestRejected(RequestRejected.Code.OVERLOADED, "The server is shutting down", null);
    }
}
