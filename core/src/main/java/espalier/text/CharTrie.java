package espalier.text;

import java.util.Arrays;

/**
 * A set of strings with an int each, for finding every member that a text begins with; nodes live in one hash table.
 */
final class CharTrie {
    private static final int ROOT = 0;

    private long[] edges = new long[64];
    private int[] children = new int[64];
    private int edgeCount;
    private int[] values = new int[32];
    private int nodeCount = 1;

    CharTrie() {
        Arrays.fill(edges, -1);
        Arrays.fill(values, -1);
    }

    /** @param value not negative; a later one replaces an earlier one */
    void put(String member, int value) {
        int node = ROOT;
        for (int i = 0; i < member.length(); i++) {
            node = childOrNew(node, member.charAt(i));
        }
        values[node] = value;
    }

    int root() {
        return ROOT;
    }

    /** The node that a char leads to, or -1. */
    int child(int node, char c) {
        long edge = (long) node << 16 | c;
        int slot = slot(edge);
        return edges[slot] == edge ? children[slot] : -1;
    }

    /** The value of the member that ends at a node, or -1. */
    int value(int node) {
        return values[node];
    }

    private int childOrNew(int node, char c) {
        long edge = (long) node << 16 | c;
        int slot = slot(edge);
        if (edges[slot] == edge) {
            return children[slot];
        }
        if (nodeCount == values.length) {
            values = Arrays.copyOf(values, nodeCount * 2);
            Arrays.fill(values, nodeCount, values.length, -1);
        }
        edges[slot] = edge;
        children[slot] = nodeCount;
        if (++edgeCount * 2 > edges.length) {
            grow();
        }
        return nodeCount++;
    }

    private void grow() {
        long[] oldEdges = edges;
        int[] oldChildren = children;
        edges = new long[oldEdges.length * 2];
        children = new int[edges.length];
        Arrays.fill(edges, -1);
        for (int i = 0; i < oldEdges.length; i++) {
            if (oldEdges[i] >= 0) {
                int slot = slot(oldEdges[i]);
                edges[slot] = oldEdges[i];
                children[slot] = oldChildren[i];
            }
        }
    }

    private int slot(long edge) {
        int slot = (int) ((edge * 0x9E3779B97F4A7C15L) >>> 32) & edges.length - 1;
        while (edges[slot] >= 0 && edges[slot] != edge) {
            slot = slot + 1 & edges.length - 1;
        }
        return slot;
    }
}
