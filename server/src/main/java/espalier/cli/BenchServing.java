package espalier.cli;

import espalier.load.Benchmarks;
import espalier.load.Remote;
import java.util.List;

/** {@code bench serving}: a load over HTTP. */
final class BenchServing implements Command {

    @Override
    public String name() {
        return "serving";
    }

    @Override
    public String description() {
        return "Measure a server that is running, Espalier or another, by a load over HTTP.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(Remote.class, BenchRequests.class, BenchFigures.class);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws Exception {
        BenchRequests requests = typed.as(BenchRequests.class).checked();
        BenchFigures figures = typed.as(BenchFigures.class).checked();
        Remote server = typed.as(Remote.class);
        Logs.install(terminal, "warning");
        return figures.tell(Benchmarks.serving(server, requests::workload, requests.pace()), terminal);
    }
}
