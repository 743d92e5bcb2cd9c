package espalier.cli;

import espalier.config.Options;
import espalier.server.Server;
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
        var stopped = new CountDownLatch(1);
        var engine = Loading.load(options, terminal);
        Server server;
        try {
            server = Server.start(Loading.serverOptions(options, engine), engine);
        } catch (RuntimeException e) {
            engine.close();
            throw e;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.close();
            engine.close();
            Logs.flush();
            stopped.countDown();
        }));
        stopped.await();
        return Cli.OK;
    }
}
