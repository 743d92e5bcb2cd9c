package espalier.bench.schedule;

import espalier.api.GenerateRequest;
import espalier.bench.schedule.VirtualEngine.Delays;
import espalier.engine.StepTimes;
import espalier.sched.Limits;
import espalier.sched.Policy;
import espalier.sched.Scheduler;
import espalier.sched.Sharing;
import espalier.sched.Strategy;
import java.util.List;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * What a way of planning does to a load, without its device: the real scheduler and the real measurement of speed run in
 * virtual time, and each step takes as long as its rows, its context and its choices cost by measured points. The defaults
 * are Llama-3.1-8B's shape in bf16 on an H200. Flags take several values, and each combination is a line.
 */
@Command(
        name = "schedule",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Runs the scheduler over a load in virtual time and prints what its clients would see.")
final class ScheduleBench implements Runnable {
    private static final int SEVERAL = 64;

    @Option(names = "--requests", defaultValue = "320", description = "Requests of the chat load (${DEFAULT-VALUE}).")
    int requests;

    @Option(names = "--in-flight", defaultValue = "64", description = "At once: a closed loop (${DEFAULT-VALUE}).")
    int inFlight;

    @Option(names = "--warmup-requests", defaultValue = "100", description = "Before, unmeasured (${DEFAULT-VALUE}).")
    int warmups;

    @Option(names = "--chunked-prefill-size", defaultValue = "8192", split = ",", description = "${DEFAULT-VALUE}")
    int[] chunks;

    @Option(names = "--schedule-policy", defaultValue = "FCFS", split = ",", description = "${DEFAULT-VALUE}")
    Policy[] policies;

    @Option(
            names = "--decode-pace",
            defaultValue = "3",
            split = ",",
            description = "0 for no limit (${DEFAULT-VALUE}).")
    double[] paces;

    @Option(
            names = "--enough-tokens",
            defaultValue = "2048",
            description = "Prompt tokens that fill the device (${DEFAULT-VALUE}).")
    int enough;

    @Option(
            names = "--least-tokens",
            defaultValue = "256",
            description = "Of a prompt beside decoding sequences at least (${DEFAULT-VALUE}).")
    int least;

    @Option(names = "--max-running-requests", defaultValue = "1024", description = "${DEFAULT-VALUE}")
    int running;

    @Option(
            names = "--cost",
            defaultValue = "1:3.82,8:3.9,64:4.0,128:5.4,192:7.3,256:9.0,320:10.5,384:11.5,448:12.6,512:13.4,576:15.8,"
                    + "640:17,1024:25.5,2048:48,4096:93,8192:178",
            description = "Milliseconds of a step by rows, attention and choices aside.")
    String cost;

    @Option(
            names = "--context-nanos",
            defaultValue = "29.9",
            description = "Of a decoding row for each position of its context (${DEFAULT-VALUE}).")
    double contextNanos;

    @Option(
            names = "--pair-nanos",
            defaultValue = "0.87",
            description = "Of each pair of positions in a prompt (${DEFAULT-VALUE}).")
    double pairNanos;

    @Option(
            names = "--choice-nanos",
            defaultValue = "3000",
            description = "Of each row that chooses a token (${DEFAULT-VALUE}).")
    double choiceNanos;

    @Option(names = "--plan-ms", defaultValue = "0.1", description = "Of the host for a step (${DEFAULT-VALUE}).")
    double planMillis;

    @Option(
            names = "--gap-ms",
            defaultValue = "0.014",
            description = "Of the device between two steps (${DEFAULT-VALUE}).")
    double gapMillis;

    @Option(
            names = "--client-ms",
            defaultValue = "1.5",
            description = "From a last token to the client's next request at the engine (${DEFAULT-VALUE}).")
    double clientMillis;

    @Override
    public void run() {
        for (int chunk : chunks) {
            for (Policy policy : policies) {
                for (double pace : paces) {
                    var limits = new Limits(1 << 20, 1, running, 8192, chunk, 16_384, Integer.MAX_VALUE);
                    var sharing = new Sharing(enough, least, pace == 0 ? Double.POSITIVE_INFINITY : pace);
                    var strategy = Strategy.standard().withPolicy(policy).withSharing(sharing);
                    System.out.printf(
                            "chunk %5d, %s, pace %.1f: %s%n", chunk, policy.flag(), pace, measure(limits, strategy));
                }
            }
        }
    }

    private Timeline.Figures measure(Limits limits, Strategy strategy) {
        var times = new StepTimes();
        run(limits, strategy, times, ChatRequests.of(warmups), SEVERAL);
        return run(limits, strategy, times, ChatRequests.of(requests), inFlight).figures();
    }

    private Timeline run(Limits limits, Strategy strategy, StepTimes times, List<GenerateRequest> load, int inFlight) {
        var device = new VirtualEngine.Device(
                new StepCost(StepCost.points(cost), contextNanos, pairNanos, choiceNanos),
                new Delays(planMillis, gapMillis, clientMillis));
        return new VirtualEngine(new Scheduler(limits, strategy, Set.of()), device, times, load).run(inFlight);
    }

    public static void main(String[] args) {
        System.exit(new CommandLine(new ScheduleBench()).execute(args));
    }
}
