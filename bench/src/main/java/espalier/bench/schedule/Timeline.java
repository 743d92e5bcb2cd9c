package espalier.bench.schedule;

import espalier.load.Report;
import espalier.step.StepPlan;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.DoubleStream;

/** When requests were sent and their tokens came, in milliseconds of virtual time, and the figures of that. */
final class Timeline {
    private final double[] sent;
    private final double[] first;
    private final double[] last;
    private final DoubleStream.Builder gaps = DoubleStream.builder();
    private long tokens;
    private double end;
    private int steps;
    private int mixedSteps;
    private double mixedMillis;
    private double stepMillis;

    Timeline(int requests) {
        sent = new double[requests];
        first = new double[requests];
        last = new double[requests];
    }

    void sent(int request, double at) {
        sent[request] = at;
    }

    void step(StepPlan plan, double millis) {
        steps++;
        stepMillis += millis;
        if (plan.tokens() > plan.chunks().size()) {
            mixedSteps++;
            mixedMillis += millis;
        }
    }

    void token(int request, double at) {
        if (last[request] == 0) {
            first[request] = at;
        } else {
            gaps.add(at - last[request]);
        }
        last[request] = at;
        tokens++;
        end = Math.max(end, at);
    }

    /**
     * What is told of a run, in milliseconds but for the first.
     *
     * @param throughput output tokens a second
     * @param firstMean of the times to the first token
     * @param gapMean of the times between two tokens of a request
     */
    record Figures(
            double throughput,
            double firstMean,
            double firstMedian,
            double first99,
            double gapMean,
            double gap99,
            double seconds,
            int steps,
            int promptSteps,
            double promptSeconds) {
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%8.0f output tok/s   time to the first token: mean %6.1f p50 %6.1f p99 %6.1f   between tokens: mean %5.2f p99 %6.2f ms"
                            + "   %.2f s, %d steps, %d with prompts: %.2f s",
                    throughput,
                    firstMean,
                    firstMedian,
                    first99,
                    gapMean,
                    gap99,
                    seconds,
                    steps,
                    promptSteps,
                    promptSeconds);
        }
    }

    Figures figures() {
        var waits = new double[sent.length];
        Arrays.setAll(waits, i -> first[i] - sent[i]);
        Arrays.sort(waits);
        double[] between = gaps.build().sorted().toArray();
        return new Figures(
                tokens / end * 1e3,
                Arrays.stream(waits).average().orElse(0),
                Report.percentile(waits, 0.5),
                Report.percentile(waits, 0.99),
                Arrays.stream(between).average().orElse(0),
                Report.percentile(between, 0.99),
                end / 1e3,
                steps,
                mixedSteps,
                mixedMillis / 1e3);
    }
}
