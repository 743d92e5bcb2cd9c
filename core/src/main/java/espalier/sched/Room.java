package espalier.sched;

import java.util.HashMap;
import java.util.Map;

/**
 * What was free when the last plan was made: seats, and tokens that nobody is promised. Many requests may come while a step
 * runs; those who find both are seated by the next plan, wait for nobody, and do not count for the limit on the queue.
 */
final class Room {
    private final Limits limits;
    private final KvSpace space;
    private final WaitingQueue waiting;
    private final Roster roster;
    /** Who has found room since the last plan, and what each was charged. */
    private final Map<Long, Double> charges = new HashMap<>();

    private int seats;
    private double tokens;
    private boolean empty;

    Room(Limits limits, KvSpace space, WaitingQueue waiting, Roster roster) {
        this.limits = limits;
        this.space = space;
        this.waiting = waiting;
        this.roster = roster;
        look();
    }

    /** After a plan: who still waits found no room, so neither do those who come. */
    void look() {
        charges.clear();
        seats = waiting.isEmpty() ? roster.freeSeats() : 0;
        empty = roster.running().isEmpty();
        tokens = (double) space.obtainable() * limits.pageSize() - roster.promised();
    }

    /** Nobody is seated for a while. */
    void close() {
        look();
        seats = 0;
    }

    /** Whether there is room for a newcomer, which it then has. Alone it always fits, as in {@link Roster#seat}. */
    boolean take(Sequence s) {
        double charge = roster.charge(s);
        boolean alone = empty && charges.isEmpty();
        if (charges.size() >= seats || !(alone || charge <= tokens)) {
            return false;
        }
        charges.put(s.id(), charge);
        tokens -= charge;
        return true;
    }

    /** A newcomer goes before it was planned: whoever comes next may have its room. */
    void giveBack(Sequence s) {
        Double charge = charges.remove(s.id());
        tokens += charge == null ? 0 : charge;
    }

    /** How many have found room since the last plan. */
    int taken() {
        return charges.size();
    }
}
