package espalier.sglang;

import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.JsonObject;
import espalier.http.Reply;
import espalier.serving.Service;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * {@code /flush_cache?timeout=SECONDS}: empties the prefix cache. Fails while requests are running or waiting, after
 * having waited for them as long as it was told to.
 */
public final class FlushCache implements Endpoint {
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private final Service service;

    public FlushCache(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        String timeout = exchange.incoming().parameter("timeout");
        long patience = timeout == null ? 0 : (long) (1e9 * seconds(timeout));
        long start = System.nanoTime();
        boolean flushed = service.engine().engine().flushCache();
        while (!flushed
                && System.nanoTime() - start < patience
                && exchange.cancellation() == Exchange.Cancellation.NONE) {
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            flushed = service.engine().engine().flushCache();
        }
        exchange.reply(
                flushed
                        ? Reply.text(
                                200,
                                "Cache flushed.\nPlease check backend logs for more details. (When there are running or"
                                        + " waiting requests, the operation will not be performed.)\n")
                        : Reply.text(400, "Cache not flushed: requests are running or waiting.\n"));
    }

    private static double seconds(String timeout) {
        try {
            return Double.parseDouble(timeout);
        } catch (NumberFormatException _) {
            throw JsonObject.malformed("timeout must be a number of seconds, got '" + timeout + "'");
        }
    }
}
