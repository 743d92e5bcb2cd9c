package espalier.kv;

import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The children of one node, found by the tokens of their first page. Open addressing over the nodes themselves: the key
 * is read out of the node, so nothing is boxed and a leaf costs no table at all.
 */
final class Children {
    private static final @Nullable Node[] NONE = new @Nullable Node[0];

    private final int pageSize;
    private @Nullable Node[] table = NONE; // a power of two, at most half full
    private int size;

    Children(int pageSize) {
        this.pageSize = pageSize;
    }

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    /** The child whose run starts with {@code tokens[from, from + pageSize)}. */
    @Nullable
    Node find(int[] tokens, int from) {
        if (size == 0) {
            return null;
        }
        int mask = table.length - 1;
        for (int i = hash(tokens, from) & mask; ; i = (i + 1) & mask) {
            Node n = table[i];
            if (n == null || Arrays.equals(n.tokens, 0, pageSize, tokens, from, from + pageSize)) {
                return n;
            }
        }
    }

    /** Makes room for one more, so that {@link #add} allocates nothing. */
    void reserve() {
        if ((size + 1) * 2 > table.length) {
            var old = table;
            table = new @Nullable Node[Math.max(2, old.length * 2)]; // where memory ends the old one stays
            for (Node n : old) {
                if (n != null) {
                    place(n);
                }
            }
        }
    }

    /** Adds a node whose first page is not yet here. */
    void add(Node node) {
        reserve();
        place(node);
        size++;
    }

    /** Puts {@code with} where {@code old}, which starts with the same page, is. */
    void replace(Node old, Node with) {
        table[indexOf(old)] = with;
    }

    /** Removes the node and closes the gap, so that no marker of what was removed is ever needed. */
    void remove(Node node) {
        int mask = table.length - 1;
        int gap = indexOf(node);
        for (int i = (gap + 1) & mask; table[i] != null; i = (i + 1) & mask) {
            Node n = table[i];
            int home = hash(n.tokens, 0) & mask;
            if (((i - home) & mask) >= ((i - gap) & mask)) {
                table[gap] = n;
                gap = i;
            }
        }
        table[gap] = null;
        if (--size == 0) {
            table = NONE;
        }
    }

    void forEach(Consumer<Node> each) {
        for (Node n : table) {
            if (n != null) {
                each.accept(n);
            }
        }
    }

    private int indexOf(Node node) {
        int mask = table.length - 1;
        int i = hash(node.tokens, 0) & mask;
        while (table[i] != node) {
            i = (i + 1) & mask;
        }
        return i;
    }

    private void place(Node node) {
        int mask = table.length - 1;
        int i = hash(node.tokens, 0) & mask;
        while (table[i] != null) {
            i = (i + 1) & mask;
        }
        table[i] = node;
    }

    private int hash(int[] tokens, int from) {
        int h = 1;
        for (int i = 0; i < pageSize; i++) {
            h = 31 * h + tokens[from + i];
        }
        h *= 0x9E3779B9;
        return h ^ h >>> 16;
    }
}
