package espalier.bench.schedule;

import espalier.api.Emission;
import espalier.api.GenerateRequest;
import espalier.engine.StepTimes;
import espalier.sched.Scheduler;
import espalier.sched.StepFacts;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.PriorityQueue;

/**
 * The engine's loop in virtual time: the real scheduler, a step ahead of a device that takes as long as its cost says. The
 * clients are a closed loop: one more request comes as soon as a client has the last token of the one before.
 */
final class VirtualEngine {
    /**
     * What lies around the device, in milliseconds.
     *
     * @param plan of the host for one step, until the device could begin
     * @param gap of the device between two steps
     * @param client from a last token on the host until the client's next request is there
     */
    record Delays(double plan, double gap, double client) {}

    /** A device and its surroundings. */
    record Device(StepCost cost, Delays delays) {}

    private record Arrival(double at, int request) {}

    private record Flight(StepPlan plan, StepFacts facts, double begin, double end) {}

    private final Scheduler scheduler;
    private final Device device;
    private final List<GenerateRequest> requests;
    private final Timeline timeline;
    private final StepTimes times;
    private final PriorityQueue<Arrival> arrivals =
            new PriorityQueue<>(Comparator.comparingDouble(Arrival::at).thenComparingInt(Arrival::request));
    private final Deque<Flight> flights = new ArrayDeque<>();
    private int next;
    private double now;
    private double deviceFree;

    VirtualEngine(Scheduler scheduler, Device device, StepTimes times, List<GenerateRequest> requests) {
        this.scheduler = scheduler;
        this.device = device;
        this.times = times;
        this.requests = List.copyOf(requests);
        this.timeline = new Timeline(requests.size());
    }

    /** @param inFlight requests at once */
    Timeline run(int inFlight) {
        while (next < Math.min(inFlight, requests.size())) {
            arrive(0);
        }
        while (true) {
            awaitNewcomers();
            receive();
            StepPlan plan = scheduler.plan(times.speed());
            if (!plan.isEmpty()) {
                launch(plan);
                finishDownTo(1);
            } else if (!flights.isEmpty()) {
                finishDownTo(flights.size() - 1);
            } else if (!arrivals.isEmpty()) {
                now = arrivals.element().at;
            } else {
                return timeline;
            }
        }
    }

    private void awaitNewcomers() {
        if (flights.size() == 1) {
            Flight only = flights.element();
            now += times.spareNanos(only.facts, (long) ((now - only.begin) * 1e6)) / 1e6;
        }
    }

    /** A client sends its next request. */
    private void arrive(double at) {
        timeline.sent(next, at);
        arrivals.add(new Arrival(at + device.delays.client, next++));
    }

    private void receive() {
        while (!arrivals.isEmpty() && arrivals.element().at <= now) {
            int id = arrivals.remove().request;
            scheduler.submit(id, requests.get(id), id, null);
        }
    }

    private void launch(StepPlan plan) {
        now += device.delays.plan;
        double begin = Math.max(now, deviceFree + device.delays.gap);
        double millis = device.cost.millis(plan);
        deviceFree = begin + millis;
        flights.add(new Flight(plan, scheduler.facts(), begin, deviceFree));
        timeline.step(plan, millis);
    }

    private void finishDownTo(int left) {
        while (flights.size() > left) {
            Flight oldest = flights.remove();
            now = Math.max(now, oldest.end);
            times.ended(oldest.facts, (long) ((oldest.end - oldest.begin) * 1e6));
            int rows = (int) oldest.plan.chunks().stream()
                    .filter(StepPlan.Chunk::samples)
                    .count();
            var none = new ArrayList<espalier.api.TokenLogprobs>(Collections.nCopies(rows, null));
            for (Emission each : scheduler.complete(new StepResult(oldest.plan.number(), new int[rows], none))) {
                hear(each);
            }
        }
    }

    private void hear(Emission emission) {
        switch (emission) {
            case Emission.Token t -> timeline.token((int) t.request(), now);
            case Emission.Done _ -> {
                if (next < requests.size()) {
                    arrive(now);
                }
            }
            case Emission.Failed f -> throw new IllegalStateException(f.cause());
        }
    }
}
