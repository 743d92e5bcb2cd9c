package espalier.sglang;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.chat.Prompt;
import espalier.chat.TextEvent;
import espalier.chat.TextRequest;
import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.Reply;
import espalier.serving.Rids;
import espalier.serving.Run;
import espalier.serving.Service;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * {@code GET /health} and {@code /health_generate}: 200 when the engine gives a sign of life, 503 otherwise, and while
 * the server starts or shuts down. An idle engine is asked for one token; a busy one shows life by itself.
 */
public final class Health implements Endpoint {
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private final Service service;

    public Health(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        boolean well = service.phase() == Service.Phase.READY
                && service.engine().engine().isHealthy()
                && (!service.options().healthGeneration() || isAlive(exchange));
        exchange.reply(Reply.empty(well ? 200 : 503));
    }

    private boolean isAlive(Exchange exchange) {
        long before = service.events();
        long start = System.nanoTime();
        long patience = service.options().healthTimeout().toNanos();
        var failed = new AtomicBoolean();
        Run probe;
        try {
            probe = service.openRequests() > 0 ? null : probe(exchange, failed);
        } catch (RequestRejected | EngineFault _) {
            return false;
        }
        while (service.events() == before
                && service.phase() == Service.Phase.READY
                && System.nanoTime() - start < patience) {
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
        }
        boolean alive = service.events() != before && !failed.get();
        if (probe != null) {
            probe.cancel();
        }
        return alive;
    }

    private Run probe(Exchange exchange, AtomicBoolean failed) {
        var sampling = SamplingParams.greedy().toBuilder().maxNewTokens(1).build();
        var request = TextRequest.of("HEALTH_CHECK_" + Rids.fresh(), new Prompt.Ids(Tokens.of(0)), sampling);
        Run run = service.start(exchange, request);
        Thread.ofVirtual().name("health").start(() -> {
            try (run) {
                while (run.isOpen()) {
                    if (run.next() instanceof TextEvent.Failed) {
                        failed.set(true);
                    }
                }
            } catch (InterruptedException _) {
                failed.set(true);
            }
        });
        return run;
    }
}
