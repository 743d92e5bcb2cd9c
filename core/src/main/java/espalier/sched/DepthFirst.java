package espalier.sched;

import espalier.kv.Node;
import espalier.kv.RadixTree;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Walks the part of the tree of cached prefixes that waiting sequences reach: the branch that more of them want goes
 * first, and the deeper before the shallower. Neighbours in this order share the most, so the least is evicted between
 * them (Zheng et al. 2024, section 3: it is optimal when everything is known beforehand).
 */
final class DepthFirst {
    private final List<Sequence> here = new ArrayList<>();
    private final Map<Node, DepthFirst> below = new LinkedHashMap<>();
    private int weight;

    private DepthFirst() {}

    static List<Sequence> order(Collection<Sequence> waiting, RadixTree tree) {
        var top = new DepthFirst();
        for (Sequence s : waiting) {
            var path = new ArrayList<Node>();
            for (Node n = tree.deepest(s.salt(), s.tokens, s.known - 1); n != null; n = n.parent()) {
                path.add(n);
            }
            DepthFirst at = top;
            for (Node n : path.reversed()) {
                at = at.below.computeIfAbsent(n, node -> new DepthFirst());
                at.weight++;
            }
            at.here.add(s);
        }
        return top.walk();
    }

    /** Nodes before their children and light before heavy, read backwards. Iterative, as a tree may be deep. */
    private List<Sequence> walk() {
        var visited = new ArrayList<DepthFirst>();
        var open = new ArrayDeque<DepthFirst>();
        open.push(this);
        while (!open.isEmpty()) {
            DepthFirst branch = open.pop();
            visited.add(branch);
            branch.below.values().stream()
                    .sorted(Comparator.comparingInt((DepthFirst b) -> -b.weight))
                    .forEach(open::push);
        }
        var order = new ArrayList<Sequence>();
        for (DepthFirst branch : visited.reversed()) {
            order.addAll(branch.here);
        }
        return order;
    }
}
