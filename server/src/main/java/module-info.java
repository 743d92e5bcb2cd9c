/** HTTP, the OpenAI surface, and the command line. */
@org.jspecify.annotations.NullMarked
module espalier.server {
    requires espalier.core;
    requires java.net.http;
    requires io.vertx.core;
    requires info.picocli;
    requires java.logging;
    requires static org.jspecify;

    opens espalier.cli to
            espalier.core,
            info.picocli;
    opens espalier.load to
            espalier.core;
}
