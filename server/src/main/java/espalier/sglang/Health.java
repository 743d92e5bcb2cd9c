package espalier.sglang;

import espalier.api.Engine;
import espalier.api.EngineFault;
import espalier.api.EngineLoad;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.chat.Completion;
import espalier.chat.OutputText;
import espalier.chat.Prompt;
import espalier.chat.TextRequest;
import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.Reply;
import espalier.serving.Rids;
import espalier.serving.Service;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /health} and {@code /health_generate}: 200 when the engine completes a step within the time that a probe
 * has, 503 otherwise, and while the server starts or shuts down.
 *
 * <p>The engine's own count of steps is the sign of life: what readers have taken of it says nothing, since a client
 * that reads no more must not make a server look dead. Where no step is under way, or none has ended for a while, the
 * engine is asked for one token. That probe is no user's request: it goes past the metrics of requests, and has a part
 * of the prefix cache of its own, where it takes at most one slot.
 */
public final class Health implements Endpoint {
    private static final String NAME = "HEALTH_CHECK";
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** The share of a probe's time that a busy engine has to end a step before it is asked for a token too. */
    private static final int SHARE = 4;

    private final Service service;

    public Health(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        exchange.reply(Reply.empty(isReady() && isAlive() ? 200 : 503));
    }

    private boolean isReady() {
        return service.phase() == Service.Phase.READY && engine().isHealthy();
    }

    private boolean isAlive() {
        EngineLoad before = engine().load();
        long start = System.nanoTime();
        long patience = service.options().healthTimeout().toNanos();
        boolean busy = before.runningRequests() + before.waitingRequests() > 0;
        if (busy && hasStepped(before, start + patience / SHARE)) {
            return true;
        }
        try (Completion _ = probe()) {
            return hasStepped(before, start + patience);
        } catch (EngineFault _) {
            return false;
        }
    }

    /** Waits for the end of a step until {@code deadline}; false as well once the engine has failed. */
    private boolean hasStepped(EngineLoad before, long deadline) {
        while (engine().load().completedSteps() == before.completedSteps()) {
            if (!isReady() || System.nanoTime() - deadline >= 0) {
                return false;
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
        }
        return true;
    }

    /** Asks for a token; null where the engine takes nothing more, of which it may be ill or merely busy. */
    private @Nullable Completion probe() {
        var sampling = SamplingParams.greedy().toBuilder().maxNewTokens(1).build();
        var request = new TextRequest(
                NAME + "_" + Rids.fresh(),
                new Prompt.Ids(Tokens.of(0)),
                sampling,
                List.of(),
                1,
                OutputText.DEFAULT,
                0,
                NAME);
        try {
            return service.engine().start(request);
        } catch (RequestRejected _) {
            return null;
        }
    }

    private Engine engine() {
        return service.engine().engine();
    }
}
