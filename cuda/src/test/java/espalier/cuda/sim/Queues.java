package espalier.cuda.sim;

import espalier.cuda.driver.Event;
import espalier.cuda.driver.Graph;
import espalier.cuda.driver.Stream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Streams, events and graphs. Work stays queued until somebody waits for it: the host for a stream or an event, or
 * another stream for an event. Then it runs, in its order, as far as that wait needs. So work that nobody waits for has
 * not happened when its result is read, and a page-locked buffer that is filled again too early is copied as it is then.
 */
final class Queues {
    /** Launches of one stream, one after another: from which block on accesses are unordered with the next one. */
    interface KernelRun {
        /**
         * @param before number of the first block that a dependent launch may overlap with, 0 for none
         * @return number of this launch's first block
         */
        long run(long before);
    }

    private sealed interface Work {}

    private record Step(Runnable run) implements Work {}

    private record Run(boolean dependent, KernelRun run) implements Work {}

    private record Mark(Record event, int number, LongSupplier time) implements Work {}

    private record Wait(Record event, int number) implements Work {}

    private static final class Record { // an event: the records asked for, and those reached
        @Nullable
        Queue queue;

        int asked;
        int reached;
        long time;
    }

    private static final class Queue {
        final Deque<Work> work = new ArrayDeque<>();

        @Nullable
        List<Work> capture;
        /** First block of the launches that a dependent one may overlap with; 0: none. */
        long chain;
    }

    private final Map<Long, Queue> streams = new HashMap<>();
    private final Map<Long, Record> events = new HashMap<>();
    private final Map<Long, List<Work>> graphs = new HashMap<>();
    private long handles;

    Stream open() {
        streams.put(++handles, new Queue());
        return new Stream(handles);
    }

    void close(Stream stream) {
        drain(stream);
        streams.remove(stream.handle());
    }

    private Queue queue(Stream stream) {
        Queue q = streams.get(stream.handle());
        if (q == null) {
            throw new IllegalArgumentException("a stream that is closed, or another driver's");
        }
        return q;
    }

    private Record event(Event event) {
        Record e = events.get(event.handle());
        if (e == null) {
            throw new IllegalArgumentException("an event that is closed, or another driver's");
        }
        return e;
    }

    void add(Stream stream, Runnable run) {
        add(queue(stream), new Step(run));
    }

    void addLaunch(Stream stream, boolean dependent, KernelRun run) {
        add(queue(stream), new Run(dependent, run));
    }

    private static void add(Queue q, Work work) {
        if (q.capture != null) {
            q.capture.add(work);
        } else {
            q.work.add(work);
        }
    }

    /** Nothing of that kind may happen while a stream is recorded. */
    void refuseInCapture(String what) {
        if (streams.values().stream().anyMatch(q -> q.capture != null)) {
            throw new IllegalStateException(what + " while a stream is captured");
        }
    }

    // Events

    Event openEvent() {
        events.put(++handles, new Record());
        return new Event(handles);
    }

    void closeEvent(Event event) {
        event(event);
        events.remove(event.handle());
    }

    /** {@code time} is asked when the stream comes past it. */
    void record(Event event, Stream stream, LongSupplier time) {
        Record e = event(event);
        Queue q = queue(stream);
        if (q.capture != null) {
            throw new IllegalStateException("a record of an event while its stream is captured");
        }
        e.queue = q;
        add(q, new Mark(e, ++e.asked, time));
    }

    void await(Stream stream, Event event) {
        Queue q = queue(stream);
        if (q.capture != null) {
            throw new IllegalStateException("a wait for an event while its stream is captured");
        }
        add(q, new Wait(event(event), event(event).asked));
    }

    void await(Event event) {
        refuseInCapture("a wait of the host");
        reach(event(event), event(event).asked);
    }

    /** A host that polls sees the device at work: what is queued before the event runs now, and the next poll sees it. */
    boolean reached(Event event) {
        Record e = event(event);
        boolean was = e.reached >= e.asked;
        reach(e, e.asked);
        return was;
    }

    long mark(Event event) {
        Record e = event(event);
        if (e.asked == 0 || e.reached < e.asked) {
            throw new IllegalStateException("an event that its stream has not passed has no time");
        }
        return e.time;
    }

    private void reach(Record e, int number) {
        while (e.reached < number && e.queue != null && !e.queue.work.isEmpty()) {
            step(e.queue);
        }
    }

    // Running

    void drainAll() {
        refuseInCapture("a wait of the host");
        streams.values().forEach(Queues.this::drain);
    }

    void drain(Stream stream) {
        refuseInCapture("a wait of the host");
        drain(queue(stream));
    }

    private void drain(Queue q) {
        while (!q.work.isEmpty()) {
            step(q);
        }
    }

    private void step(Queue q) {
        switch (q.work.removeFirst()) {
            case Step s -> {
                q.chain = 0;
                s.run.run();
            }
            case Run r -> {
                long first = r.run.run(r.dependent ? q.chain : 0);
                q.chain = r.dependent && q.chain != 0 ? q.chain : first;
            }
            case Mark m -> {
                m.event.reached = m.number;
                m.event.time = m.time.getAsLong();
            }
            case Wait w -> {
                q.chain = 0;
                reach(w.event, w.number);
            }
        }
    }

    // Graphs

    void beginCapture(Stream stream) {
        refuseInCapture("a second capture");
        queue(stream).capture = new ArrayList<>();
    }

    Graph endCapture(Stream stream) {
        Queue q = queue(stream);
        if (q.capture == null) {
            throw new IllegalStateException("the stream is not captured");
        }
        graphs.put(++handles, List.copyOf(q.capture));
        q.capture = null;
        return new Graph(handles);
    }

    void launch(Stream stream, Graph graph) {
        List<Work> work = graphs.get(graph.handle());
        if (work == null) {
            throw new IllegalArgumentException("a graph that is closed, or another driver's");
        }
        Queue q = queue(stream);
        add(q, new Step(() -> {})); // a graph begins when all before it has ended
        work.forEach(w -> add(q, w));
        add(q, new Step(() -> {}));
    }

    void closeGraph(Graph graph) {
        graphs.remove(graph.handle());
    }
}
