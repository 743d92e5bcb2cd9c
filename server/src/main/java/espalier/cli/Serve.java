package espalier.cli;

import espalier.api.EngineFault;
import espalier.config.Options;
import espalier.launch.EngineLoader;
import espalier.server.Server;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Loads a model and serves it until it is asked to stop. */
final class Serve implements Command {
    @Override
    public String name() {
        return "serve";
    }

    @Override
    public String description() {
        return "Serve a model over HTTP: OpenAI-compatible, and SGLang's own endpoints.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(Options.class);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws Exception {
        Options options = typed.as(Options.class);
        Logs.install(terminal, options.server().logLevel());
        EngineLoader.requireFlags(options); // what needs no look at this machine is told first
        requireFree(options.server());
        var engine = Loading.load(options, terminal);
        Server server;
        try {
            server = Server.start(Loading.serverOptions(options, engine), engine);
        } catch (RuntimeException e) {
            engine.close();
            throw e;
        }
        Ending.arrange(terminal, options.server().shutdownTimeout(), () -> {
            try (engine) {
                server.close();
            }
        });
        new CountDownLatch(1).await(); // the process ends by a signal
        return Cli.OK;
    }

    /** A port that is taken, the common mistake, is said before a model is loaded for nothing. */
    private static void requireFree(Options.Server server) {
        if (server.port() == 0) {
            return; // any free one
        }
        try (var probe = new ServerSocket()) {
            probe.setReuseAddress(true);
            probe.bind(new InetSocketAddress(server.host(), server.port()));
        } catch (IOException e) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "cannot listen on " + server.host() + ":" + server.port() + " (" + e.getMessage()
                            + "); choose another with --host or --port",
                    e);
        }
    }
}
