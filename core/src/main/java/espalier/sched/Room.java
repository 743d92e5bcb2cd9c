package espalier.sched;

/**
 * What was free when the last plan was made: seats, and tokens that nobody is promised. Many requests may come while a step
 * runs; those who find both are seated by the next plan, wait for nobody, and do not count for the limit on the queue.
 */
final class Room {
    private final Limits limits;
    private final KvSpace space;
    private final WaitingQueue waiting;
    private final Roster roster;
    private int seats;
    private double tokens;
    private int taken;
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
        taken = 0;
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
        boolean alone = empty && taken == 0;
        if (taken >= seats || !(alone || charge <= tokens)) {
            return false;
        }
        taken++;
        tokens -= charge;
        return true;
    }

    /** How many have found room since the last plan. */
    int taken() {
        return taken;
    }
}
