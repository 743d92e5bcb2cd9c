package espalier.server;

import espalier.http.ApiKeys;
import espalier.http.ListenerOptions;
import espalier.serving.ServingOptions;
import java.time.Duration;

/**
 * How to serve. {@link #local} gives the defaults; the {@code with} methods change one thing each.
 *
 * @param metrics whether {@code /metrics} answers ({@code --enable-metrics})
 * @param warmup whether a short request runs before the server says that it is ready
 * @param shutdownPatience how long open requests may still run once {@link Server#close} has been called
 */
public record ServerOptions(
        ListenerOptions listener,
        ApiKeys keys,
        ServingOptions serving,
        Metrics metrics,
        Warmup warmup,
        Duration shutdownPatience) {

    /** Whether {@code /metrics} answers. */
    public enum Metrics {
        ON,
        OFF
    }

    /** Whether a short request runs first. */
    public enum Warmup {
        RUN,
        SKIP
    }

    /** Everything at its default, on {@code port} of this machine alone; port 0 is any free one. */
    public static ServerOptions local(int port) {
        return new ServerOptions(
                ListenerOptions.at("127.0.0.1", port),
                ApiKeys.NONE,
                ServingOptions.usual(),
                Metrics.OFF,
                Warmup.RUN,
                Duration.ofSeconds(30));
    }

    public ServerOptions with(ListenerOptions other) {
        return new ServerOptions(other, keys, serving, metrics, warmup, shutdownPatience);
    }

    public ServerOptions with(ApiKeys other) {
        return new ServerOptions(listener, other, serving, metrics, warmup, shutdownPatience);
    }

    public ServerOptions with(ServingOptions other) {
        return new ServerOptions(listener, keys, other, metrics, warmup, shutdownPatience);
    }

    public ServerOptions with(Metrics other) {
        return new ServerOptions(listener, keys, serving, other, warmup, shutdownPatience);
    }

    public ServerOptions with(Warmup other) {
        return new ServerOptions(listener, keys, serving, metrics, other, shutdownPatience);
    }

    public ServerOptions withShutdownPatience(Duration other) {
        return new ServerOptions(listener, keys, serving, metrics, warmup, other);
    }
}
