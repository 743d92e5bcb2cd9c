package espalier.load;

import espalier.api.Emission;
import espalier.api.Engine;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import java.util.concurrent.atomic.AtomicLong;

/** The engine in this process, without text or sockets. */
final class EngineTarget implements Target {
    private final Engine engine;
    private final AtomicLong numbers = new AtomicLong();

    EngineTarget(Engine engine) {
        this.engine = engine;
    }

    @Override
    public Outcome serve(Workload.Item item) throws InterruptedException {
        var sampling = SamplingParams.builder()
                .temperature(0)
                .ignoreEos(true)
                .maxNewTokens(item.outputTokens())
                .build();
        var times = new long[item.outputTokens()];
        int count = 0;
        long begun = System.nanoTime();
        try (Generation generation =
                engine.submit(new GenerateRequest("bench-" + numbers.incrementAndGet(), item.prompt(), sampling))) {
            while (true) {
                switch (generation.next()) {
                    case Emission.Token _ -> times[count++] = System.nanoTime();
                    case Emission.Done d -> {
                        return new Outcome(
                                d.promptTokens(),
                                d.completionTokens(),
                                Outcome.Counted.BY_SERVER,
                                d.cachedTokens(),
                                begun,
                                java.util.Arrays.copyOf(times, count),
                                System.nanoTime(),
                                null);
                    }
                    case Emission.Failed f -> {
                        return Outcome.failed(
                                item.prompt().size(),
                                begun,
                                String.valueOf(f.cause().getMessage()));
                    }
                }
            }
        } catch (RequestRejected e) {
            return Outcome.failed(item.prompt().size(), begun, e.getMessage());
        }
    }
}
