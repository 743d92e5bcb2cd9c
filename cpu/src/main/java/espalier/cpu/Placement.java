package espalier.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Where the lanes of a team run.
 *
 * @param homes of each lane, those of a node side by side; empty where the system decides
 */
record Placement(int lanes, List<Home> homes) {
    /** Processors of one node. */
    record Home(int node, List<Integer> processors) {}

    Placement {
        homes = List.copyOf(homes);
    }

    static Placement anywhere(int lanes) {
        return new Placement(lanes, List.of());
    }

    /** The first lane of each node that has any, and the number of lanes behind the last. */
    int[] bounds() {
        var bounds = new ArrayList<Integer>();
        for (int lane = 0; lane < homes.size(); lane++) {
            if (lane == 0 || homes.get(lane).node() != homes.get(lane - 1).node()) {
                bounds.add(lane);
            }
        }
        if (bounds.isEmpty()) {
            bounds.add(0);
        }
        bounds.add(lanes);
        return bounds.stream().mapToInt(i -> i).toArray();
    }

    /** A line for the log of a start; empty where the system decides. */
    String remark() {
        var counts = new TreeMap<Integer, Integer>();
        homes.forEach(home -> counts.merge(home.node(), 1, Integer::sum));
        return counts.isEmpty() ? "" : "threads stay on their memory nodes; of each there are " + counts;
    }
}
