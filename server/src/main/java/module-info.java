/** HTTP, the OpenAI surface, and the command line. */
@org.jspecify.annotations.NullMarked
module espalier.server {
    requires espalier.core;
    requires io.vertx.core;
    requires info.picocli;
    requires io.prometheus.metrics.core;
    requires static org.jspecify;
}
