package espalier.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/** Sends a workload to a target at a pace. */
final class LoadRun {

    private LoadRun() {}

    static Report run(String title, Map<String, Object> setting, Workload load, Pace pace, Target target)
            throws InterruptedException {
        long begun = System.nanoTime();
        List<Outcome> outcomes = outcomes(load, pace, target);
        return Report.of(title, setting, outcomes, System.nanoTime() - begun);
    }

    /** How each request of the workload went, in its order. */
    static List<Outcome> outcomes(Workload load, Pace pace, Target target) throws InterruptedException {
        var slots = new Semaphore(pace.atOnce());
        var random = new Random(pace.seed());
        var pending = new ArrayList<Future<Outcome>>();
        var outcomes = new ArrayList<Outcome>();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            long due = System.nanoTime();
            for (Workload.Item item : load.items()) {
                if (Double.isFinite(pace.requestsPerSecond())) {
                    due += (long) (-Math.log(1 - random.nextDouble()) / pace.requestsPerSecond() * 1e9);
                    Thread.sleep(java.time.Duration.ofNanos(Math.max(0, due - System.nanoTime())));
                }
                slots.acquire();
                pending.add(threads.submit(() -> {
                    try {
                        return target.serve(item);
                    } finally {
                        slots.release();
                    }
                }));
            }
            for (Future<Outcome> each : pending) {
                outcomes.add(join(each));
            }
        }
        return List.copyOf(outcomes);
    }

    private static Outcome join(Future<Outcome> each) throws InterruptedException {
        try {
            return each.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("a target may not throw", e.getCause());
        }
    }
}
