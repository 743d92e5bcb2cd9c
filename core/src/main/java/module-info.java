/** Everything that is not a fast device or a socket: models, caches, scheduling, text, and the reference devices. */
@SuppressWarnings("module") // qualified exports name modules that are built later
@org.jspecify.annotations.NullMarked
module espalier.core {
    requires jdk.jfr;
    requires java.net.http;
    requires transitive tools.jackson.databind;
    requires static transitive org.jspecify;

    exports espalier.base;
    exports espalier.api;
    exports espalier.step;
    exports espalier.jinja;
    exports espalier.tensor;
    exports espalier.checkpoint;
    exports espalier.checkpoint.gguf;
    exports espalier.checkpoint.hub;
    exports espalier.text;
    exports espalier.exec;
    exports espalier.model;
    exports espalier.model.family;
    exports espalier.tensor.host;
    exports espalier.tensor.reference;
    exports espalier.sched;
    exports espalier.engine;
    exports espalier.launch;
    exports espalier.config;
    exports espalier.chat;

    uses espalier.tensor.DeviceProvider;

    provides espalier.tensor.DeviceProvider with
            espalier.tensor.reference.ReferenceProvider;
}
