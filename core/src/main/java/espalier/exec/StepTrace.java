package espalier.exec;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What happened when: spans of time in lanes (the scheduler's, each rank's host thread, each rank's device), each of one
 * step. Any thread may add.
 */
public final class StepTrace {
    /** The lane of the thread that plans. */
    public static final String SCHEDULER = "scheduler";

    /** What a device does for a step. */
    public static final String RUN = "run";

    /** The part of it that is the model. */
    public static final String PASS = "pass";

    /** The part of it that chooses tokens. */
    public static final String CHOOSE = "choose";

    private static final int MOST_SPANS = 500_000;

    private final List<Span> spans = new ArrayList<>();
    private final int most;

    /** Of nothing yet; full of half a million spans, which take about 100 MB and are 50,000 steps of one rank. */
    public StepTrace() {
        this(MOST_SPANS);
    }

    /** @param most spans, of which it is full */
    public StepTrace(int most) {
        this.most = most;
    }

    /**
     * One thing that was done for one step.
     *
     * @param beginNanos as {@link System#nanoTime} has it
     * @param facts numbers about the step
     */
    public record Span(
            String lane, String name, long step, long beginNanos, long endNanos, Map<String, Number> facts) {}

    static String host(int rank) {
        return "rank " + rank;
    }

    /** What the names of devices' lanes begin with. */
    public static final String DEVICES = "device ";

    /** The lane of a rank's device. */
    public static String device(int rank) {
        return DEVICES + rank;
    }

    public synchronized void add(Span span) {
        spans.add(span);
    }

    /** Whether whoever adds should come to an end: those of the steps under way still find room. */
    public synchronized boolean isFull() {
        return spans.size() >= most;
    }

    /** A span that ends now. */
    public void until(String lane, String name, long step, long beginNanos) {
        add(new Span(lane, name, step, beginNanos, System.nanoTime(), Map.of()));
    }

    /** All of them, in the order in which they were added. */
    public synchronized List<Span> spans() {
        return List.copyOf(spans);
    }

    /**
     * The share of the time that a device worked while steps followed one another that only decode: what passes between
     * the end of one and the begin of the next is idle.
     */
    public double decodeBusyShare() {
        double busy = 0;
        double wall = 0;
        var before = new LinkedHashMap<String, Span>();
        for (Span span : spans()) {
            if (!span.name().equals(RUN)) {
                continue;
            }
            Span last = before.put(span.lane(), span);
            if (last != null && last.step() + 1 == span.step() && decodes(span) && decodes(last)) {
                busy += span.endNanos() - Math.max(span.beginNanos(), last.endNanos());
                wall += span.endNanos() - last.endNanos();
            }
        }
        return wall > 0 ? busy / wall : Double.NaN;
    }

    /**
     * The share of the time from the first begin to the last end that spans of these names take in lanes whose name
     * begins so, on average over these lanes; NaN where there are none.
     */
    public double share(String lanes, String... names) {
        long begin = Long.MAX_VALUE;
        long end = Long.MIN_VALUE;
        var taken = new LinkedHashMap<String, Long>();
        for (Span span : spans()) {
            begin = Math.min(begin, span.beginNanos());
            end = Math.max(end, span.endNanos());
            if (span.lane().startsWith(lanes)) {
                long nanos = List.of(names).contains(span.name()) ? span.endNanos() - span.beginNanos() : 0;
                taken.merge(span.lane(), nanos, Long::sum);
            }
        }
        long all = taken.values().stream().mapToLong(Long::longValue).sum();
        return taken.isEmpty() || end <= begin ? Double.NaN : (double) all / taken.size() / (end - begin);
    }

    private static boolean decodes(Span span) {
        return span.facts().getOrDefault("prompt tokens", 1).longValue() == 0;
    }
}
