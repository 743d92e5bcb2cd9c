package espalier.sched;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * Those that run: their seats, and what was promised to them. Every prompt under way keeps a claim on the pages that it
 * still needs: {@code obtainable >= claims} holds after every call, so a prompt that was admitted is never stuck.
 */
final class Roster {
    /** No request is expected to generate more than this, whatever it may. */
    private static final int MOST_EXPECTED = 4096;

    /** A waiting request takes the place of running ones whose priority is lower by more than this. */
    private static final int PREEMPTION_THRESHOLD = 10;

    private static final Comparator<Sequence> LONGEST_FIRST = Comparator.comparingInt(s -> -s.planned);

    private final Limits limits;
    private final KvSpace space;
    private final WaitingQueue waiting;
    private final NewTokenRatio ratio;
    private final Comparator<Sequence> firstToGo;
    private final List<Sequence> running = new ArrayList<>();
    private final List<Sequence> decodable = new ArrayList<>();
    private final BitSet seats = new BitSet();
    private long retractions;

    Roster(Limits limits, Strategy strategy, KvSpace space, WaitingQueue waiting) {
        this.limits = limits;
        this.space = space;
        this.waiting = waiting;
        this.ratio = new NewTokenRatio(strategy.conservativeness());
        var leastLost = Comparator.comparingInt(Sequence::generated)
                .thenComparing(Comparator.comparingInt(Sequence::promptTokens).reversed())
                .thenComparing(Comparator.comparingLong((Sequence s) -> s.origin.arrival())
                        .reversed());
        this.firstToGo = strategy.policy() == Policy.PRIORITY
                ? Comparator.comparingInt(Sequence::priority).thenComparing(leastLost)
                : leastLost;
    }

    List<Sequence> running() {
        return Collections.unmodifiableList(running);
    }

    /**
     * Those whose next token is to be computed, until the next call. The longest come first: attention hands sequences out to
     * whatever part of a device is free, and a long one that begins late ends alone.
     */
    List<Sequence> decodable() {
        decodable.clear();
        for (Sequence s : running) {
            if (s.isDecodable()) {
                decodable.add(s);
            }
        }
        decodable.sort(LONGEST_FIRST);
        return decodable;
    }

    NewTokenRatio ratio() {
        return ratio;
    }

    long retractions() {
        return retractions;
    }

    int freeSeats() {
        return limits.maxRunningRequests() - running.size();
    }

    /** Tokens that those who run are expected to want beyond the pages that they have. */
    double promised() {
        double sum = 0;
        for (Sequence s : running) {
            sum += (double) claim(s) * limits.pageSize();
            sum += Math.min(s.remaining(), MOST_EXPECTED) * ratio.value();
        }
        return sum;
    }

    /** Tokens that a sequence with a seat is charged for when it is new: its prompt, and all of its output. */
    double charge(Sequence s) {
        double prompt = (double) (limits.pagesFor(s.known) - s.pages) * limits.pageSize();
        return prompt + Math.min(s.remaining(), MOST_EXPECTED) + limits.pageSize();
    }

    /**
     * Gives {@code s} a seat and its cached prefix, unless that would break the promises made to others. Alone it
     * always fits, since it was accepted.
     */
    boolean seat(Sequence s, double promised) {
        space.open(s);
        if (!running.isEmpty() && promised + charge(s) > (double) space.obtainable() * limits.pageSize()) {
            space.release(s);
            return false;
        }
        s.seat = seats.nextClearBit(0);
        seats.set(s.seat);
        s.prefillEnd = s.known;
        s.sampled = s.generated();
        s.opens = true;
        s.countsAfresh = true;
        running.add(s);
        return true;
    }

    /** Takes seat and pages from {@code s} at once; what is in flight for it lands before they are used again. */
    void leave(Sequence s) {
        running.remove(s);
        seats.clear(s.seat);
        s.seat = -1;
        space.release(s);
    }

    void retract(Sequence s) {
        leave(s);
        retractions++;
        waiting.addRetracted(s);
    }

    /** Retracts until each of those that are left can go on; the last that is left always can. */
    StepFacts.Retraction makeRoom() {
        if (shortage(1) <= 0) {
            return StepFacts.Retraction.NONE;
        }
        int before = space.obtainable();
        double ratioBefore = ratio.value();
        int count = 0;
        while (running.size() > 1 && shortage(NewTokenRatio.RETRACT_DECODE_STEPS) > 0) {
            retract(Collections.min(running, firstToGo));
            count++;
        }
        long generated = 0;
        long possible = 0;
        for (Sequence s : running) {
            generated += s.generated();
            possible += s.origin.maxNewTokens();
        }
        ratio.retracted(generated, possible, running.size());
        int gained = (space.obtainable() - before) * limits.pageSize();
        return new StepFacts.Retraction(count, gained, ratioBefore, ratio.value());
    }

    /** Under {@link Policy#PRIORITY}: retracts who must give way to {@code head}, if that helps. */
    void giveWay(Sequence head) {
        var victims = new ArrayList<Sequence>();
        int freed = 0;
        for (Sequence s : running) {
            if ((long) s.priority() + PREEMPTION_THRESHOLD < head.priority()) {
                victims.add(s);
                freed += s.pages;
            }
        }
        if (victims.size() == running.size() || wouldFit(head, freed)) {
            victims.sort(firstToGo);
            for (Sequence s : victims) {
                if (freeSeats() > 0 && wouldFit(head, 0)) {
                    return;
                }
                retract(s);
            }
        }
    }

    private boolean wouldFit(Sequence s, int morePages) {
        double wanted = (double) s.known - space.cached(s) + Math.min(s.remaining(), MOST_EXPECTED);
        double room = (double) (space.obtainable() + morePages) * limits.pageSize();
        return promised() + wanted + 2.0 * limits.pageSize() <= room;
    }

    /** Pages that {@code s} still needs for its prompt. */
    private int claim(Sequence s) {
        return Math.max(0, limits.pagesFor(s.prefillEnd) - s.pages);
    }

    /** Pages that are missing for {@code steps} more tokens of everyone, beyond what prompts under way claim. */
    private int shortage(int steps) {
        int wanted = 0;
        for (Sequence s : running) {
            int to = s.isPrefilling() ? s.prefillEnd : Math.min(s.planned + steps, s.lastPosition());
            wanted += Math.max(0, limits.pagesFor(to) - s.pages);
        }
        return wanted - space.obtainable();
    }
}
