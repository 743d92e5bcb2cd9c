package espalier.exec;

import espalier.step.StepPlan;
import espalier.tensor.DeviceClock;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one rank adds to a trace: its own thread's work as it is done, and its device's once the device has come past it.
 * A step has three marks: before the pass, behind it, and behind the choice of tokens. Marks are read when they have
 * been passed, so that nobody waits for them, in slots that take turns.
 */
final class RankTrace {
    static final int SLOTS = 3 * Step.MOST;

    private final StepTrace trace;
    private final DeviceClock clock;
    private final String host;
    private final String device;
    private final ArrayDeque<Step> unread = new ArrayDeque<>();
    private @Nullable Step newest;
    private int turn;

    /** A step whose marks are queued. */
    private record Step(long number, int slot, Map<String, Number> facts) {
        static final int MOST = 8;
    }

    /** @param clock of at least {@link #SLOTS} slots */
    RankTrace(StepTrace trace, DeviceClock clock, int rank) {
        this.trace = trace;
        this.clock = clock;
        this.host = StepTrace.host(rank);
        this.device = StepTrace.device(rank);
    }

    /** The pass of {@code plan} is queued next. */
    void begins(StepPlan plan, int rows, int recorded) {
        while (unread.size() >= Step.MOST - 1) {
            read(unread.remove());
        }
        var step = new Step(plan.number(), 3 * turn, facts(plan, rows, recorded));
        turn = (turn + 1) % Step.MOST;
        newest = step;
        clock.mark(step.slot);
    }

    private static Map<String, Number> facts(StepPlan plan, int rows, int recorded) {
        int prompt = 0;
        int samples = 0;
        for (StepPlan.Chunk c : plan.chunks()) {
            prompt += c.input() instanceof StepPlan.Input.Prompt(var ids) ? ids.size() : 0;
            samples += c.samples() ? 1 : 0;
        }
        var facts = new LinkedHashMap<String, Number>();
        facts.put("tokens", plan.tokens());
        facts.put("prompt tokens", prompt);
        facts.put("sequences", plan.chunks().size());
        facts.put("samples", samples);
        facts.put("rows", rows);
        facts.put("recorded batch", recorded);
        return facts;
    }

    /** The pass is queued. */
    void passes() {
        Step step = newest;
        if (step != null) {
            clock.mark(step.slot + 1);
        }
    }

    /** The choice of tokens is queued: nothing of the step comes after it. */
    void chooses() {
        Step step = newest;
        if (step != null) {
            clock.mark(step.slot + 2);
            unread.add(step);
            newest = null;
        }
    }

    /** What this thread did, which ends now. */
    void did(String what, long step, long beginNanos) {
        trace.until(host, what, step, beginNanos);
    }

    /** Reads what the device has come past. */
    void look() {
        while (!unread.isEmpty() && clock.passed(unread.getFirst().slot + 2)) {
            read(unread.remove());
        }
    }

    /** Waits for the device and reads the rest. */
    void end() {
        while (!unread.isEmpty()) {
            read(unread.remove());
        }
        newest = null;
    }

    private void read(Step step) {
        long begin = clock.nanos(step.slot);
        long middle = clock.nanos(step.slot + 1);
        long end = clock.nanos(step.slot + 2);
        trace.add(new StepTrace.Span(device, StepTrace.RUN, step.number, begin, end, step.facts));
        trace.add(new StepTrace.Span(device, StepTrace.PASS, step.number, begin, middle, Map.of()));
        trace.add(new StepTrace.Span(device, StepTrace.CHOOSE, step.number, middle, end, Map.of()));
    }
}
