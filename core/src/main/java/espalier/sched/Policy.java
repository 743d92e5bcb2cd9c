package espalier.sched;

import java.util.Locale;

/** Who of those that wait goes first ({@code --schedule-policy}). Retracted sequences go before all others. */
public enum Policy {
    /** By arrival; nothing later is admitted earlier. */
    FCFS,
    /** Longest cached prefix first; by arrival while more than 128 wait. */
    LPM,
    /** Depth first through the tree of cached prefixes, the branch that more requests want first. */
    DFS_WEIGHT,
    /** Longest possible output first. */
    LOF,
    /** Shuffled at every step, by a seed. */
    RANDOM,
    /** Greatest priority first, then by arrival. */
    PRIORITY;

    /** As the command line writes it. */
    public String flag() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
