package espalier.cli;

import espalier.chat.Espalier;
import espalier.config.Options;
import espalier.load.Benchmarks;
import espalier.load.Report;
import espalier.load.Setting;
import espalier.load.Workload;
import java.util.List;

/** {@code bench offline}: a load straight into an engine of this process. */
final class BenchOffline implements Command {

    @Override
    public String name() {
        return "offline";
    }

    @Override
    public String description() {
        return "Measure a load in this process, without text or HTTP, and where its time goes.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(BenchRequests.class, BenchFigures.class, Loading.ModelFlags.class);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws Exception {
        BenchRequests requests = typed.as(BenchRequests.class).checked();
        BenchFigures figures = typed.as(BenchFigures.class).checked();
        Logs.install(terminal, "warning");
        try (Espalier engine = Loading.load(typed.as(Options.class), terminal)) {
            Workload load = requests.workload(engine.engine().info().vocabSize());
            Report report = Benchmarks.offline(engine.engine(), Setting.of(engine), load, requests.pace());
            return figures.tell(report, terminal);
        }
    }
}
