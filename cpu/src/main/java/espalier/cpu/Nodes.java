package espalier.cpu;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Where memory is near: on a machine of several sockets each has a part of the memory, which its own cores read faster than
 * the others do. The system puts a page where the thread runs that writes it first. So threads stay on a node, and write
 * what they will read.
 *
 * <p>A thread may use every processor of its node, not one alone: within a node all memory is equally near, and two servers
 * that chose single cores would choose the same.
 *
 * @param processors those that this process may use, of each node that has any; hardware threads count
 */
record Nodes(List<List<Integer>> processors) {

    Nodes {
        processors = processors.stream().map(List::copyOf).toList();
    }

    /**
     * The nodes of the lanes of one rank, lanes of a node side by side, as many as the node has of the rank's processors.
     * Every rank has nodes of its own as far as they go; where ranks are more than nodes, some share one.
     *
     * @return nothing where there is but one node
     */
    Placement place(int ranks, int rank, int lanes) {
        int count = processors.size();
        if (count < 2) {
            return Placement.anywhere(lanes);
        }
        int first = rank * count / ranks;
        int end = Math.max(first + 1, (rank + 1) * count / ranks);
        var nodeOf = new ArrayList<Integer>();
        for (int node = first; node < end; node++) {
            nodeOf.addAll(Collections.nCopies(processors.get(node).size(), node));
        }
        var homes = new ArrayList<Placement.Home>();
        for (int lane = 0; lane < lanes; lane++) {
            int node = nodeOf.get((int) ((long) lane * nodeOf.size() / lanes));
            homes.add(new Placement.Home(node, processors.get(node)));
        }
        return new Placement(lanes, homes);
    }
}
