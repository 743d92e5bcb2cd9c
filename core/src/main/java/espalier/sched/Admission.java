package espalier.sched;

import java.util.Arrays;

/**
 * Which prompt positions a plan computes: of the prompts under way first, in the order of their admission, then of those
 * that wait, in the order of the policy. Who comes first and does not fit keeps the others waiting, so that a large
 * request is not passed over for ever.
 */
final class Admission {
    /** Prompts go first while they are several and fewer than so many sequences decode for each of them. */
    private static final int DECODES_BEFORE_QUEUE = 2;

    /** The same where they are more than {@link #LONG_QUEUE_STEPS} steps that fill the device: there speed counts most. */
    private static final int DECODES_BEFORE_LONG_QUEUE = 16;

    private static final int LONG_QUEUE_STEPS = 4;

    /** One step in so many reads all that is to be read, where that is much. */
    private static final int SHARE_OF_UNREAD = 4;

    private final Limits limits;
    private final Policy policy;
    private final int leastPromptRows;
    private final Sharing sharing;
    private final KvSpace space;
    private final WaitingQueue waiting;
    private final Roster roster;
    private long promptTokens;
    private long cachedPromptTokens;

    Admission(Limits limits, Strategy strategy, KvSpace space, WaitingQueue waiting, Roster roster) {
        this.limits = limits;
        this.policy = strategy.policy();
        this.leastPromptRows = strategy.leastPromptRows();
        this.sharing = strategy.sharing();
        this.space = space;
        this.waiting = waiting;
        this.roster = roster;
    }

    /** Of all requests ever admitted. */
    long promptTokens() {
        return promptTokens;
    }

    /** Of {@link #promptTokens}, those found in the cache. */
    long cachedPromptTokens() {
        return cachedPromptTokens;
    }

    /**
     * Prompt tokens that a plan may compute.
     *
     * <p>A step longer than the device needs to be busy gains nothing for those whose prompts are read first in it; it is
     * worth its last percent of speed only before a long queue. So a step takes a quarter of all that is to be read, but
     * at least what fills the device, and rather more than leaves a part of it idle at the end of each product.
     *
     * <p>A prompt holds up every sequence that decodes, and each decoding row holds up all that wait for their first token:
     * the sum of the delays is least where the side goes first that has more of them. So a queue of prompts is read as
     * fast as it can be, and a prompt among many decoding sequences leaves them their pace.
     */
    int promptBudget(Speed speed) {
        if (limits.chunkedPrefillSize() <= 0) {
            return limits.maxPrefillTokens();
        }
        int most = Math.min(limits.chunkedPrefillSize(), limits.maxPrefillTokens());
        int decoding = 0;
        int expecting = waiting.size();
        long unread = waiting.promptTokens();
        for (Sequence s : roster.running()) {
            if (s.isPrefilling()) {
                expecting++;
                unread += s.prefillEnd - s.planned;
            } else if (s.isDecodable()) {
                decoding++;
            }
        }
        int enough = Math.min(sharing.enoughTokens(), most);
        if (decoding > 0 && !isQueue(expecting, unread / enough, decoding)) {
            return Math.min(most, sharing.paced(speed, decoding));
        }
        int wanted = Math.clamp(unread / SHARE_OF_UNREAD, enough, most);
        return Math.min(most, sharing.filling(wanted, decoding));
    }

    private static boolean isQueue(int expecting, long steps, int decoding) {
        int weight = steps > LONG_QUEUE_STEPS ? DECODES_BEFORE_LONG_QUEUE : DECODES_BEFORE_QUEUE;
        return expecting > 1 && (long) weight * expecting > decoding;
    }

    /** Goes on with the prompts under way, then admits those that wait, as far as budget, seats and memory reach. */
    void prefill(Draft draft) {
        for (Sequence s : roster.running()) {
            if (s.isPrefilling()) {
                draft.computing.add(s);
                int count = chunk(s, draft);
                if (count > 0) {
                    draft.prefill(s, count, space);
                }
            }
        }
        int seats = roster.freeSeats();
        if (seats == 0 || waiting.isEmpty() || draft.promptBudget <= 0) {
            return;
        }
        double promised = roster.promised();
        // All of them where some may be passed over, else no more than could be admitted.
        for (Sequence s : waiting.inOrder(policy == Policy.FCFS ? seats : Integer.MAX_VALUE)) {
            if (isBeingComputed(s, draft)) {
                if (policy == Policy.FCFS) {
                    return;
                }
                continue;
            }
            if (s.inFlight > 0 || !admit(s, draft, promised) || roster.freeSeats() == 0 || draft.promptBudget <= 0) {
                return;
            }
            promised += roster.charge(s);
        }
    }

    private boolean admit(Sequence s, Draft draft, double promised) {
        try {
            if (!roster.seat(s, promised)) {
                return false;
            }
        } catch (OutOfMemoryError none) {
            draft.lost.add(new Draft.Lost(s, none));
            return true; // those behind it need not be as large
        }
        int count = chunk(s, draft);
        if (count == 0) {
            roster.leave(s);
            return false;
        }
        waiting.remove(s);
        draft.admitted++;
        draft.computing.add(s);
        draft.cachedTokens += s.planned;
        if (s.cachedTokens < 0) {
            s.cachedTokens = s.planned;
            promptTokens += s.promptTokens();
            cachedPromptTokens += s.planned;
        }
        draft.prefill(s, count, space);
        return true;
    }

    /** How much of the prompt of {@code s} this plan may still compute; whole pages where more is to follow. */
    private int chunk(Sequence s, Draft draft) {
        int rest = s.prefillEnd - s.planned;
        if (limits.chunkedPrefillSize() <= 0) {
            return rest <= draft.promptBudget || draft.promptTokens == 0 ? rest : 0;
        }
        int most = wholePages(s, rest, Math.max(0, draft.promptBudget));
        int count = most;
        if (rest - count > 0 && rest - count < leastPromptRows) {
            count = wholePages(s, rest, rest - leastPromptRows); // what is left for later is enough
        }
        if (count < Math.min(rest, leastPromptRows)) {
            return draft.promptTokens == 0 ? most : 0; // the next step has more room, but no step may wait for ever
        }
        return count;
    }

    /** At most {@code most} positions, up to the end of a page where more are to follow. */
    private int wholePages(Sequence s, int rest, int most) {
        int count = Math.min(rest, most);
        int over = (s.planned + count) % limits.pageSize();
        return count < rest && over < count ? count - over : count;
    }

    /** Whether another, whose prompt is under way, will put a longer prefix of {@code s} into the tree than is there. */
    private boolean isBeingComputed(Sequence s, Draft draft) {
        int cached = -1;
        for (Sequence other : draft.computing) {
            if (!other.shares || !other.salt().equals(s.salt())) {
                continue;
            }
            int most = Math.min(space.mostCached(s), space.sharedEnd(other));
            int differs = Arrays.mismatch(s.tokens, 0, most, other.tokens, 0, most);
            int common = (differs < 0 ? most : differs) / limits.pageSize() * limits.pageSize();
            if (common > 0 && cached < 0) {
                cached = space.cached(s);
            }
            if (common > cached && common > 0) {
                return true;
            }
        }
        return false;
    }
}
