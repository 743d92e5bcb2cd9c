package espalier.sched;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Sequences without a seat: those that arrived, in order of arrival, and those that had to give theirs back, which go
 * first. The policy orders the former whenever it is asked.
 */
final class WaitingQueue {
    /** Beyond this many, looking every prompt up in the tree costs more than the better order gains. */
    private static final int MOST_LOOKED_UP = 128;

    private static final Comparator<Sequence> BY_ARRIVAL = Comparator.comparingLong(s -> s.origin.arrival());

    private final Policy policy;
    private final KvSpace space;
    private final SplittableRandom random;
    private final LinkedHashMap<Long, Sequence> arrived = new LinkedHashMap<>();
    private final List<Sequence> retracted = new ArrayList<>();
    private long promptTokens;

    WaitingQueue(Strategy strategy, KvSpace space) {
        this.policy = strategy.policy();
        this.space = space;
        this.random = new SplittableRandom(strategy.randomSeed());
    }

    boolean isEmpty() {
        return arrived.isEmpty() && retracted.isEmpty();
    }

    int size() {
        return arrived.size() + retracted.size();
    }

    /** Those that were never admitted: what the limit on the queue counts. */
    int newcomers() {
        return arrived.size();
    }

    long promptTokens() {
        return promptTokens;
    }

    void add(Sequence s) {
        promptTokens += s.promptTokens();
        arrived.put(s.id(), s);
    }

    void addRetracted(Sequence s) {
        promptTokens += s.promptTokens();
        retracted.add(s);
        retracted.sort(BY_ARRIVAL);
    }

    void remove(Sequence s) {
        promptTokens -= s.promptTokens();
        if (arrived.remove(s.id()) == null) {
            retracted.remove(s);
        }
    }

    /** The newcomer of least priority, the latest of these; null where none is below {@code priority}. */
    @Nullable
    Sequence leastBelow(int priority) {
        Sequence least = null;
        for (Sequence s : arrived.values()) {
            if (s.priority() < priority && (least == null || s.priority() <= least.priority())) {
                least = s;
            }
        }
        return least;
    }

    /** The first {@code most} in the order in which they should be admitted. */
    List<Sequence> inOrder(int most) {
        var order = new ArrayList<>(retracted);
        order.addAll(
                switch (policy) {
                    case FCFS -> firstArrived(most);
                    case LPM -> longestPrefix(most);
                    case DFS_WEIGHT ->
                        space.isCaching() ? DepthFirst.order(arrived.values(), space.tree()) : firstArrived(most);
                    case LOF -> sorted(Comparator.comparingInt(s -> -s.origin.maxNewTokens()));
                    case RANDOM -> shuffled();
                    case PRIORITY -> arrived.values();
                });
        if (policy == Policy.PRIORITY) {
            order.sort(Comparator.comparingInt(s -> -s.priority())); // stable: retracted first, then by arrival
        }
        return order.subList(0, Math.min(most, order.size()));
    }

    private List<Sequence> firstArrived(int most) {
        var first = new ArrayList<Sequence>();
        for (Sequence s : arrived.values()) {
            if (first.size() == most) {
                break;
            }
            first.add(s);
        }
        return first;
    }

    private List<Sequence> sorted(Comparator<Sequence> by) {
        var order = new ArrayList<>(arrived.values());
        order.sort(by);
        return order;
    }

    private List<Sequence> longestPrefix(int most) {
        if (!space.isCaching() || arrived.size() > MOST_LOOKED_UP) {
            return firstArrived(most);
        }
        var cached = new HashMap<Long, Integer>();
        for (Sequence s : arrived.values()) {
            cached.put(s.id(), space.cached(s));
        }
        return sorted(Comparator.comparingInt(s -> -cached.getOrDefault(s.id(), 0)));
    }

    private List<Sequence> shuffled() {
        var order = new ArrayList<>(arrived.values());
        for (int i = order.size() - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            Sequence s = order.get(i);
            order.set(i, order.get(j));
            order.set(j, s);
        }
        return order;
    }
}
