package espalier.server;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.chat.Completion;
import espalier.chat.Prompt;
import espalier.chat.TextEngine;
import espalier.chat.TextEvent;
import espalier.chat.TextRequest;
import espalier.http.HttpListener;
import espalier.serving.Rids;
import espalier.serving.Service;
import java.lang.System.Logger.Level;
import java.time.Duration;

/**
 * A model behind HTTP. {@link #start} returns once it answers; {@link #close} lets open requests finish for a while and
 * then fails them. The engine stays the caller's, who closes it afterwards.
 */
public final class Server implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("espalier.server");

    /** How long a request that has been cancelled may take to say its last word. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private static final int WARMUP_TOKENS = 8;

    private final Service service;
    private final HttpListener listener;
    private final Duration patience;

    private Server(Service service, HttpListener listener, Duration patience) {
        this.service = service;
        this.listener = listener;
        this.patience = patience;
    }

    /** Listens, warms the engine up, and says that it is ready. Throws {@link EngineFault} when it cannot. */
    public static Server start(ServerOptions options, TextEngine engine) {
        var service = new Service(engine, options.serving());
        var listener = HttpListener.start(options.listener(), Endpoints.of(service, options));
        var server = new Server(service, listener, options.shutdownPatience());
        LOG.log(
                Level.INFO,
                "Espalier running on http://" + options.listener().host() + ":" + listener.port()
                        + " (Press CTRL+C to quit)");
        try {
            if (options.warmup() == ServerOptions.Warmup.RUN) {
                warmUp(engine);
            }
        } catch (RuntimeException e) {
            listener.close();
            throw e;
        } catch (InterruptedException e) {
            listener.close();
            Thread.currentThread().interrupt();
            throw new EngineFault(EngineFault.Code.RESOURCE, "interrupted during the start", e);
        }
        service.enter(Service.Phase.READY);
        LOG.log(Level.INFO, "The server is fired up and ready to roll!");
        return server;
    }

    public int port() {
        return listener.port();
    }

    /**
     * Ends gracefully. Health probes answer 503 and nothing new is accepted from now on; the socket stays open so that
     * probes hear it. What is open may finish; what is still open after the patience fails with 503.
     */
    @Override
    public void close() {
        service.enter(Service.Phase.STOPPING);
        try {
            if (!listener.awaitIdle(patience)) {
                LOG.log(Level.WARNING, "failing the " + service.openRequests() + " requests that are still open");
                listener.cancelOpen();
                listener.awaitIdle(LAST_WORDS);
            }
        } catch (InterruptedException _) {
            listener.cancelOpen();
            Thread.currentThread().interrupt();
        } finally {
            listener.close();
        }
    }

    private static void warmUp(TextEngine engine) throws InterruptedException {
        var sampling =
                SamplingParams.greedy().toBuilder().maxNewTokens(WARMUP_TOKENS).build();
        var request =
                TextRequest.of("WARMUP_" + Rids.fresh(), new Prompt.Text("The capital city of France is"), sampling);
        try (Completion completion = engine.start(request)) {
            TextEvent event = completion.next();
            while (event instanceof TextEvent.Delta) {
                event = completion.next();
            }
            if (event instanceof TextEvent.Failed failed) {
                throw failed.cause();
            }
        } catch (RequestRejected e) {
            LOG.log(Level.WARNING, "no warm-up: " + e.getMessage()); // a very short context, for one
        }
    }
}
