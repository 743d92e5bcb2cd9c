package espalier.cli;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.chat.Espalier;
import espalier.chat.EspalierLoader;
import espalier.checkpoint.hub.DownloadProgress;
import espalier.checkpoint.hub.HubAccess;
import espalier.checkpoint.hub.HubRequest;
import espalier.checkpoint.hub.HubSource;
import espalier.checkpoint.hub.ProgressBar;
import espalier.checkpoint.hub.ProgressLines;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.engine.StepLog;
import espalier.engine.StepReport;
import espalier.http.ApiKeys;
import espalier.http.ListenerOptions;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import espalier.server.ServerOptions;
import espalier.serving.ServingOptions;
import espalier.tensor.DeviceProvider;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** From flags and environment to a loaded model. */
final class Loading {
    private static final System.Logger LOG = System.getLogger("espalier");

    private static final int TERMINAL_COLUMNS = 100;

    private Loading() {}

    /** What a command may say of the model that it loads: all of {@link Options} but what only a server has. */
    record ModelFlags(Options.Model model, Options.Device device, Options.Cache cache, Options.Schedule schedule) {}

    static Espalier load(Options options, Terminal terminal) {
        DeviceProvider device = EngineLoader.require(options); // a flag that cannot be is told before a download
        Options.Model model = options.model();
        Path folder = model.modelPath() == null
                ? bundled(terminal)
                : resolve(HubRequest.Named.of(model.modelPath(), model.ggufFile()), wanted(model), model, terminal);
        Path tokenizer = model.tokenizerPath() == null
                ? null
                : resolve(
                        HubRequest.Named.of(model.tokenizerPath(), null), HubRequest.Wanted.TOKENIZER, model, terminal);
        LOG.log(Level.INFO, "Load weight begin. model_path=" + folder);
        return EspalierLoader.load(
                named(options, folder), folder, tokenizer, new Told(terminal, steps(options.device(), device)));
    }

    private static StepLog steps(Options.Device options, DeviceProvider device) {
        boolean records = device.name().equals("cuda") && !options.disableCudaGraph();
        return new StepLog(
                line -> LOG.log(Level.INFO, line), device.name() + " graph", records ? options.cudaGraphMaxBs() : 0);
    }

    /** The bundled model goes by a name of its own, and a hub id by itself. */
    private static Options named(Options options, Path folder) {
        Options.Model m = options.model();
        boolean isHere = m.modelPath() != null && Files.exists(Path.of(m.modelPath()));
        if (m.servedModelName() != null || isHere) {
            return options;
        }
        String name = m.modelPath() == null ? String.valueOf(folder.getFileName()) : m.modelPath();
        return options.withServedModelName(name);
    }

    private static Path bundled(Terminal terminal) {
        Path home = terminal.home();
        Path demo = home == null ? null : home.resolve("models").resolve("demo");
        if (demo == null || !Files.isDirectory(demo)) {
            throw RequestRejected.invalid(
                    "--model-path", "the bundled model is not here; name a model with --model-path FOLDER_OR_HUB_ID");
        }
        return demo;
    }

    private static HubRequest.Wanted wanted(Options.Model model) {
        return model.loadFormat() == Options.LoadFormat.DUMMY
                ? HubRequest.Wanted.ALL_BUT_WEIGHTS
                : HubRequest.Wanted.EVERYTHING;
    }

    private static Path resolve(
            HubRequest.Named named, HubRequest.Wanted wanted, Options.Model model, Terminal terminal) {
        var local = HubSource.local(named.model());
        if (local.isPresent()) {
            return HubSource.chosen(local.get(), named.gguf());
        }
        HubAccess access = HubAccess.of(terminal.environment()::get, Path.of(System.getProperty("user.home", ".")));
        if (model.hfToken() != null) {
            access = access.withToken(model.hfToken());
        }
        if (model.downloadDir() != null) {
            access = access.withCacheFolder(Path.of(model.downloadDir()));
        }
        DownloadProgress progress = terminal.isInteractive()
                ? new ProgressBar(terminal.err(), TERMINAL_COLUMNS)
                : new ProgressLines(terminal.err());
        return HubSource.resolve(
                new HubRequest(named.model(), named.gguf(), model.revision(), wanted, access, progress));
    }

    static ServerOptions serverOptions(Options options, Espalier engine) {
        Options.Server s = options.server();
        var arguments = new HashMap<String, Object>();
        OptionReader.flat(options).forEach((name, value) -> {
            if (value != null) {
                arguments.put(name, value);
            }
        });
        arguments.put("model_path", engine.card().modelPath());
        arguments.put("served_model_name", engine.card().servedName());
        ServingOptions usual = ServingOptions.usual();
        return new ServerOptions(
                ListenerOptions.at(s.host(), s.port()),
                s.apiKey() == null ? ApiKeys.NONE : new ApiKeys(s.apiKey(), null),
                new ServingOptions(
                        s.enableCacheReport(),
                        s.incrementalStreamingOutput(),
                        usual.healthTimeout(),
                        Map.copyOf(arguments),
                        usual.version()),
                s.enableMetrics() ? ServerOptions.Metrics.ON : ServerOptions.Metrics.OFF,
                ServerOptions.Warmup.RUN,
                Duration.ofSeconds(s.shutdownTimeout()));
    }

    /** Log lines, a bar for the layers where somebody watches, and SGLang's lines about steps. */
    private static final class Told implements LoadListener {
        private final Terminal terminal;
        private final StepLog steps;

        Told(Terminal terminal, StepLog steps) {
            this.terminal = terminal;
            this.steps = steps;
        }

        @Override
        public void says(String line) {
            LOG.log(Level.INFO, line);
        }

        @Override
        public void loaded(int layers, int all) {
            progress("loading", layers, all, "layers");
        }

        @Override
        public void recorded(int done, int all) {
            progress("recording", done, all, "steps");
            if (done == all) {
                says("Capture cuda graph end: " + all + " steps");
            }
        }

        private synchronized void progress(String doing, int done, int all, String things) {
            if (terminal.isInteractive()) {
                terminal.err()
                        .print("\r" + doing + " " + done + " of " + all + " " + things
                                + (done == all ? "\r\u001b[K" : ""));
                terminal.err().flush();
            }
        }

        @Override
        public void stepped(StepReport report) {
            if (LOG.isLoggable(Level.INFO)) {
                steps.accept(report);
            }
        }

        @Override
        public void failed(EngineFault fault) {
            LOG.log(Level.ERROR, "The engine has failed and takes no more requests: " + fault.getMessage(), fault);
        }
    }
}
