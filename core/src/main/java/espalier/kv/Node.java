package espalier.kv;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A run of whole pages in the {@link RadixTree}. To others it is a handle that stands for the whole prefix up to the
 * run's end; a split leaves the handle at the lower part, so that what it stands for never changes while it is pinned.
 */
public final class Node {
    /** The node before this run; null for the root of a namespace. */
    @Nullable
    Node parent;

    /** Ids of the run, and its pages; both may be longer than the run, whose tail may have been evicted. */
    int[] tokens;

    int[] pages;

    /** Of the run, in pages. */
    int length;

    /** From the root to the end of the run, in pages. */
    int end;

    /** Owners that hold the prefix up to here or beyond. */
    int pins;

    /** When it was last wanted, by the tree's own clock. */
    long used;

    /** Its index in the heap of evictable leaves; -1 where it is not one. */
    int heapIndex = -1;

    final Children children;
    final String salt;

    Node(@Nullable Node parent, String salt, int pageSize, int[] tokens, int[] pages) {
        this.parent = parent;
        this.salt = salt;
        this.tokens = tokens;
        this.pages = pages;
        this.length = pages.length;
        this.end = (parent == null ? 0 : parent.end) + length;
        this.children = new Children(pageSize);
    }

    /** Pages from the root to the end of this node. */
    public int prefixPages() {
        return end;
    }

    /** The node before it; null for a root. For walks over the shape of the tree. */
    public @Nullable Node parent() {
        return parent;
    }

    /** Copies the pages of the whole prefix to {@code target[0, prefixPages())}. */
    public void copyPages(int[] target) {
        for (Node n = this; n != null; n = n.parent) {
            System.arraycopy(n.pages, 0, target, n.end - n.length, n.length);
        }
    }

    /** Forgets the last {@code count} pages of the run, which must be a leaf's. */
    void cut(int count, int pageSize) {
        length -= count;
        end -= count;
        if (length * 2 < pages.length) {
            pages = Arrays.copyOf(pages, length);
            tokens = Arrays.copyOf(tokens, length * pageSize);
        }
    }
}
