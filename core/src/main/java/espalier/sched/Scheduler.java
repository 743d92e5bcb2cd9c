package espalier.sched;

import espalier.api.Emission;
import espalier.api.Emission.FinishReason;
import espalier.api.EngineFault;
import espalier.api.EngineLoad;
import espalier.api.GenerateRequest;
import espalier.api.RequestRejected;
import espalier.base.Tokens;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import espalier.step.TokenRules;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Decides what runs next. No clock, no thread, no device, no text: a function of the calls made on it, so the same calls
 * give the same plans, and a test may make a hundred thousand steps in seconds.
 *
 * <p><b>A step ahead.</b> {@link #plan} counts on every token that it plans before the token's value is known;
 * {@link #complete} brings the values, a step or more later. Counts alone decide a plan, so it never waits for a value.
 * {@code complete} may find that a sequence had ended although a later plan includes it: that plan's token is nobody's.
 * Its pages and its seat are handed out at once nevertheless, because of stream order (invariant I1, see
 * {@code Executor}): whatever the later step still writes there lands before anything planned from now on.
 *
 * <p><b>Memory.</b> Admission reserves the whole prompt, and the part of the output that is expected of those that run
 * ({@link NewTokenRatio}). The pages that a prompt under way still needs are given to nobody else. Output is a bet: when
 * it is lost, sequences are retracted, those first that have generated least. A retracted sequence gives pages and seat
 * back at once, keeps its tokens, and waits at the head of the queue to compute prompt and output as if both were its
 * prompt; while a token of it is in flight it waits for that as well. A choice depends on seed and position alone, so
 * the sequence goes on as if nothing had happened.
 *
 * <p><b>Sharing.</b> The pages of a prompt enter the tree when the plan that computes them is made; the next plan may
 * read them. A request whose longest prefix is just being computed by another is held back until that is done, so
 * requests that arrive together compute what they have in common once, under every policy.
 *
 * <p>One thread uses it. Every accepted request ends with exactly one {@link Emission.Done} or {@link Emission.Failed}.
 */
public final class Scheduler {
    /** Requests of one step that end in it, mostly fewer. */
    private static final int SOME_ENDS = 8;

    private final Limits limits;
    private final Strategy strategy;
    private final Set<Integer> endIds;
    private final KvSpace space;
    private final WaitingQueue waiting;
    private final Roster roster;
    private final Admission admission;
    private final Room room;
    private final Map<Long, Sequence> open = new HashMap<>();
    private final Deque<AwaitedPlan> inFlight = new ArrayDeque<>();
    private final Draft draft = new Draft();
    private final Ends ends = new Ends();
    private final Ints ints;
    private final List<Emission.Failed> lost = new ArrayList<>();
    private StepFacts facts = new StepFacts(-1, 0, 0, 0, 0, 0, 0, 0, 1, 0, StepFacts.Retraction.NONE);
    private boolean paused;
    private long arrivals;
    private long steps;
    private long generatedTokens;
    private long completedSteps;

    /** @param endIds the model's own end tokens */
    public Scheduler(Limits limits, Strategy strategy, Set<Integer> endIds) {
        this(limits, strategy, endIds, count -> new int[count]);
    }

    /** @param ints where the arrays of requests come from */
    Scheduler(Limits limits, Strategy strategy, Set<Integer> endIds, Ints ints) {
        this.ints = ints;
        this.limits = limits;
        this.strategy = strategy;
        this.endIds = Set.copyOf(endIds);
        this.space = new KvSpace(limits, strategy);
        this.waiting = new WaitingQueue(strategy, space);
        this.roster = new Roster(limits, strategy, space, waiting);
        this.admission = new Admission(limits, strategy, space, waiting, roster);
        this.room = new Room(limits, space, waiting, roster);
    }

    public Limits limits() {
        return limits;
    }

    /**
     * Takes a request in.
     *
     * @param id the caller's number for it, never used before
     * @param seed settled, also where the request names none
     * @param rules constrain its tokens; null for none
     * @return nothing where it was accepted, or its own end; where the queue was full, the end of another of lower
     *     priority that made room
     */
    public Optional<Emission.Failed> submit(long id, GenerateRequest request, long seed, @Nullable TokenRules rules) {
        int maxNewTokens;
        try {
            maxNewTokens = limits.newTokens(request);
        } catch (RequestRejected e) {
            return Optional.of(new Emission.Failed(id, e));
        }
        Sequence sequence;
        try {
            Tokens stopIds = Sequence.stopIds(request, endIds);
            sequence = new Sequence(
                    new Sequence.Origin(id, arrivals++, request, seed, rules, maxNewTokens, stopIds), ints);
        } catch (OutOfMemoryError none) {
            return Optional.of(new Emission.Failed(id, EngineFault.outOfMemory("a prompt was taken in", none)));
        }
        Optional<Emission.Failed> outcome = Optional.empty();
        if (!room.take(sequence) && waiting.newcomers() - room.taken() >= limits.maxQueuedRequests()) {
            outcome = Optional.of(makePlace(id, request));
            if (outcome.get().request() == id) {
                return outcome;
            }
        }
        open.put(id, sequence);
        waiting.add(sequence);
        return outcome;
    }

    private Emission.Failed makePlace(long id, GenerateRequest request) {
        Sequence least = strategy.policy() == Policy.PRIORITY ? waiting.leastBelow(request.priority()) : null;
        if (least == null) {
            return Ends.overloaded(id, "The request queue is full.");
        }
        forget(least);
        return Ends.overloaded(least.id(), "The request is aborted by a higher priority request.");
    }

    /** Gives a request up wherever it is; nothing where it has ended already. */
    public Optional<Emission.Done> cancel(long id) {
        return end(id, FinishReason.ABORT);
    }

    /** As {@link #cancel}, for an owner that has all it wanted: the request counts as finished. */
    public Optional<Emission.Done> finish(long id) {
        return end(id, FinishReason.STOP);
    }

    private Optional<Emission.Done> end(long id, FinishReason reason) {
        Sequence s = open.get(id);
        return s == null ? Optional.empty() : Optional.of(end(s, reason, null));
    }

    /**
     * Plans nothing more until {@link #resume}; requests may come and go meanwhile. What is in flight is completed.
     *
     * @return the ends of those that were aborted
     */
    public List<Emission> pause(Pause how) {
        paused = true;
        room.close();
        return switch (how) {
            case ABORT -> {
                var all = new ArrayList<>(open.values());
                all.sort(Comparator.comparingLong(Sequence::id));
                yield all.stream()
                        .<Emission>map(s -> end(s, FinishReason.ABORT, null))
                        .toList();
            }
            case RETRACT -> {
                List.copyOf(roster.running()).forEach(roster::retract);
                yield List.of();
            }
            case IN_PLACE -> List.of();
        };
    }

    public void resume() {
        paused = false;
    }

    public boolean isPaused() {
        return paused;
    }

    /**
     * The next step; empty where nothing can be done before a step in flight is complete, or while paused.
     *
     * @param speed decides how much of a prompt stands beside decoding sequences
     */
    public StepPlan plan(Speed speed) {
        int most = roster.running().size() + Math.min(waiting.size(), roster.freeSeats());
        draft.begin(admission.promptBudget(speed), most);
        if (!paused) {
            fill();
            draft.lost.forEach(this::lose);
        }
        draft.computing.forEach(space::share);
        if (isIdle()) {
            roster.ratio().reset();
        }
        if (paused) {
            room.close();
        } else {
            room.look();
        }
        facts = draft.facts(steps, roster, waiting, space, limits);
        if (draft.isEmpty()) {
            return new StepPlan(steps, List.of());
        }
        inFlight.add(new AwaitedPlan(steps, draft));
        return new StepPlan(steps++, draft.chunks);
    }

    private void lose(Draft.Lost which) {
        Sequence s = which.sequence();
        draft.computing.remove(s);
        lost.add(noMemory(s, "its next step was planned", which.cause()));
    }

    /** The ends of those for whose part of the newest plans there was no memory; each is told once. */
    public List<Emission.Failed> lost() {
        if (lost.isEmpty()) {
            return List.of();
        }
        var all = List.copyOf(lost);
        lost.clear();
        return all;
    }

    private void fill() {
        if (strategy.policy() == Policy.PRIORITY && !roster.running().isEmpty()) {
            waiting.inOrder(1).stream().filter(s -> s.inFlight == 0).forEach(roster::giveWay);
        }
        switch (strategy.shape()) {
            case MIXED -> {
                decode();
                admission.prefill(draft);
            }
            case PREFILL_FIRST -> {
                admission.prefill(draft);
                if (draft.isEmpty()) {
                    decode();
                }
            }
        }
    }

    /** What there is to tell about the newest plan. */
    public StepFacts facts() {
        return facts;
    }

    /** Whether the newest plan's choices depend on tokens that the host has yet to see. */
    public boolean isConstrained() {
        return inFlight.getLast().isConstrained();
    }

    /** How to choose for the newest plan; with constraints, valid once every step before it is complete. */
    public SamplingBatch sampling() {
        return inFlight.getLast().sampling();
    }

    /** Takes the tokens of the oldest step that is in flight. */
    public List<Emission> complete(StepResult result) {
        AwaitedPlan awaited = inFlight.remove();
        if (awaited.number() != result.number() || awaited.size() != result.tokens().length) {
            throw new EngineFault(
                    EngineFault.Code.INTERNAL,
                    "step " + awaited.number() + " with " + awaited.size() + " choices was answered by step "
                            + result.number() + " with " + Arrays.toString(result.tokens()));
        }
        completedSteps++;
        var out = new ArrayList<Emission>(result.tokens().length + SOME_ENDS);
        for (int i = 0; i < result.tokens().length; i++) {
            Sequence s = awaited.choosing(i);
            s.inFlight--;
            if (!s.ended) { // else planned before its end was known: the token is nobody's
                try {
                    accept(s, result, i, out);
                } catch (OutOfMemoryError none) {
                    out.add(noMemory(s, "a token was taken in", none));
                }
            }
        }
        return out;
    }

    private void accept(Sequence s, StepResult result, int row, List<Emission> out) {
        int token = result.tokens()[row];
        if (token == StepResult.NO_MEMORY || s.lost) {
            out.add(noMemory(s, "a token was chosen", new OutOfMemoryError("for its log-probabilities or its rules")));
            return;
        }
        if (token < 0) {
            out.add(nothingToChoose(s));
            return;
        }
        s.append(token);
        generatedTokens++;
        if (s.origin.rules() != null) {
            s.origin.rules().accept(token);
        }
        boolean scored = s.origin.request().sampling().logprobs() >= 0;
        out.add(new Emission.Token(s.id(), token, scored ? result.logprobs().get(row) : null));
        if (s.isStop(token)) {
            out.add(end(s, FinishReason.STOP, token));
        } else if (s.generated() == s.origin.maxNewTokens()) {
            out.add(end(s, FinishReason.LENGTH, null));
        }
    }

    /** Forgets every cached prefix; false, and nothing done, where a request is open. */
    public boolean flush() {
        if (!isIdle()) {
            return false;
        }
        space.flush();
        return true;
    }

    /** Whether no request is open; a step may be in flight still. */
    public boolean isIdle() {
        return open.isEmpty();
    }

    /**
     * What it holds now and has done since its start.
     *
     * @param generationThroughput what a caller with a clock has measured
     */
    public EngineLoad load(double generationThroughput) {
        return new EngineLoad(
                roster.running().size(),
                waiting.size(),
                waiting.promptTokens(),
                space.usedTokens(),
                space.cachedTokens(),
                generationThroughput,
                admission.promptTokens(),
                admission.cachedPromptTokens(),
                generatedTokens,
                ends.finished(),
                ends.aborted(),
                roster.retractions(),
                completedSteps);
    }

    /** For tests: pages and pins add up, and every open request waits or runs. */
    void checkInvariants() {
        space.checkInvariants(roster.running());
        if (open.size() != waiting.size() + roster.running().size()) {
            throw new EngineFault(EngineFault.Code.INTERNAL, open.size() + " requests are open, others wait or run");
        }
    }

    private void decode() {
        draft.retraction = roster.makeRoom();
        for (Sequence s : roster.decodable()) {
            draft.decode(s, space);
        }
        if (draft.decodes > 0 && draft.retraction.sequences() == 0) {
            roster.ratio().decodeStepPassed();
        }
    }

    private Emission.Done end(Sequence s, FinishReason reason, @Nullable Integer stop) {
        forget(s);
        return ends.done(s, reason, stop);
    }

    private Emission.Failed nothingToChoose(Sequence s) {
        forget(s);
        space.doubt(s);
        return ends.nothingToChoose(s);
    }

    private Emission.Failed noMemory(Sequence s, String doing, OutOfMemoryError cause) {
        forget(s);
        return ends.noMemory(s, doing, cause);
    }

    private void forget(Sequence s) {
        s.ended = true;
        open.remove(s.id());
        if (s.seat >= 0) {
            roster.leave(s);
        } else {
            waiting.remove(s);
            room.giveBack(s);
        }
    }
}
