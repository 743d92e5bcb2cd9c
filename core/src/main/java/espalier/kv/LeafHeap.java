package espalier.kv;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The evictable leaves, least recently used first: a binary heap whose nodes know their place, so any may leave. */
final class LeafHeap {
    private @Nullable Node[] heap = new @Nullable Node[16];
    private int size;

    boolean isEmpty() {
        return size == 0;
    }

    Node first() {
        return at(0);
    }

    /** Makes room for so many in all; whoever makes nodes sees to it, so that {@link #add} allocates nothing. */
    void reserve(int count) {
        if (count > heap.length) {
            heap = Arrays.copyOf(heap, Math.max(count, 2 * heap.length));
        }
    }

    void add(Node node) {
        rise(size++, node);
    }

    /** Takes {@code node} out, if it is in. */
    void remove(Node node) {
        int i = node.heapIndex;
        if (i < 0) {
            return;
        }
        node.heapIndex = -1;
        Node last = at(--size);
        heap[size] = null;
        if (i < size) {
            settle(i, last);
        }
    }

    /** Its {@code used} has changed. */
    void moved(Node node) {
        if (node.heapIndex >= 0) {
            settle(node.heapIndex, node);
        }
    }

    private void settle(int i, Node node) {
        if (i > 0 && node.used < at((i - 1) / 2).used) {
            rise(i, node);
        } else {
            sink(i, node);
        }
    }

    private void rise(int from, Node node) {
        int i = from;
        while (i > 0 && node.used < at((i - 1) / 2).used) {
            put(i, at((i - 1) / 2));
            i = (i - 1) / 2;
        }
        put(i, node);
    }

    private void sink(int from, Node node) {
        int i = from;
        while (2 * i + 1 < size) {
            int child = 2 * i + 1;
            if (child + 1 < size && at(child + 1).used < at(child).used) {
                child++;
            }
            if (node.used <= at(child).used) {
                break;
            }
            put(i, at(child));
            i = child;
        }
        put(i, node);
    }

    private void put(int i, Node node) {
        heap[i] = node;
        node.heapIndex = i;
    }

    private Node at(int i) {
        return Objects.requireNonNull(heap[i]);
    }
}
