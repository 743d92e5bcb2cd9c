package espalier.text;

/**
 * Merges a long word in n log n: the symbols are a doubly linked list in arrays, and a heap holds every place whose
 * pair has a merge, by rank and then position. An entry is stale when the pair at its place has another rank by now.
 */
final class LongWord {
    private final int[] symbols;
    private final int count;
    private final MergeTable merges;
    private final int[] previous;
    private final int[] next;
    /** The merge of the pair that starts here, or {@link MergeTable#NONE}. */
    private final long[] pairs;
    /** A four-way heap of {@code rank << 32 | position}. */
    private long[] heap;

    private int heapSize;

    LongWord(int[] symbols, int count, MergeTable merges) {
        this.symbols = symbols;
        this.count = count;
        this.merges = merges;
        previous = new int[count];
        next = new int[count];
        pairs = new long[count];
        heap = new long[Math.max(count, 8)];
    }

    /** Merges in place; returns how many symbols are left at the front of the array. */
    int merge() {
        for (int i = 0; i < count; i++) {
            previous[i] = i - 1;
            next[i] = i + 1;
            refresh(i);
        }
        while (heapSize > 0) {
            long top = pop();
            int at = (int) top;
            if (pairs[at] >>> 32 == top >>> 32 && pairs[at] != MergeTable.NONE) {
                mergeAt(at);
            }
        }
        int kept = 0;
        for (int i = 0; i < count; i = next[i]) {
            symbols[kept++] = symbols[i];
        }
        return kept;
    }

    private void mergeAt(int at) {
        int right = next[at];
        symbols[at] = (int) pairs[at];
        pairs[right] = MergeTable.NONE;
        next[at] = next[right];
        if (next[at] < count) {
            previous[next[at]] = at;
        }
        refresh(at);
        if (previous[at] >= 0) {
            refresh(previous[at]);
        }
    }

    private void refresh(int at) {
        pairs[at] = next[at] < count ? merges.find(symbols[at], symbols[next[at]]) : MergeTable.NONE;
        if (pairs[at] != MergeTable.NONE) {
            push((pairs[at] & 0xFFFFFFFF00000000L) | at);
        }
    }

    private void push(long entry) {
        if (heapSize == heap.length) {
            heap = java.util.Arrays.copyOf(heap, heapSize * 2);
        }
        int i = heapSize++;
        while (i > 0) {
            int parent = (i - 1) >> 2;
            if (heap[parent] <= entry) {
                break;
            }
            heap[i] = heap[parent];
            i = parent;
        }
        heap[i] = entry;
    }

    private long pop() {
        long top = heap[0];
        long last = heap[--heapSize];
        int i = 0;
        while (true) {
            int child = 4 * i + 1;
            if (child >= heapSize) {
                break;
            }
            int end = Math.min(child + 4, heapSize);
            int least = child;
            for (int c = child + 1; c < end; c++) {
                least = heap[c] < heap[least] ? c : least;
            }
            if (heap[least] >= last) {
                break;
            }
            heap[i] = heap[least];
            i = least;
        }
        heap[i] = last;
        return top;
    }
}
