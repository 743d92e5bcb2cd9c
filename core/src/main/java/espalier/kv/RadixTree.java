package espalier.kv;

import espalier.api.EngineFault;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Prefixes whose keys and values are in the cache, as a radix tree over token ids (RadixAttention: Zheng et al., "SGLang:
 * Efficient Execution of Structured Language Model Programs", 2024, section 3).
 *
 * <p><b>Shape.</b> A {@link Node} is a run of whole pages; its children differ from each other in their first page. With
 * a page size of 1 that is the token-level tree of the paper, with larger pages keys are compared a page at a time and a
 * partly equal page is no match. Runs are as long as nobody needs them shorter: where a match or an insertion leaves a
 * run in its middle, the run is split. The lower half keeps the {@code Node} object, so a handle that stands for "the
 * prefix up to the end of this run" goes on standing for it.
 *
 * <pre>
 *   root ── [the quick brown] ─┬─ [fox]            one node per box; every box owns the pages of its tokens
 *                              └─ [dog sleeps]
 * </pre>
 *
 * <p><b>Who owns a page.</b> From insertion on the tree does. Sequences that read a prefix {@link #pin} its last node,
 * which counts a pin on every node up to the root: a pinned node is never evicted, and a node is evictable only when
 * everything below it is gone. As pins grow towards the root, an unpinned node has only unpinned nodes below, so all
 * pages of unpinned nodes can be had: {@link #evictable} is exact, not an estimate, and admission may count on it.
 *
 * <p><b>Eviction.</b> Leaves without pins wait in a heap ordered by a logical clock: no time is read, so runs repeat
 * exactly. The least recently used leaf loses pages from its <em>tail</em>, just as many as are wanted; what is left
 * of it is still a valid, shorter prefix. A node that has become a leaf joins the heap. One eviction costs O(log n) for
 * each node that disappears; a match costs the comparison of the tokens plus O(log n) for the leaf it touches.
 *
 * <p><b>Namespaces.</b> Each cache salt has a root of its own; prefixes with different salts never meet, but compete
 * for the same pages. A root without children and pins is forgotten.
 *
 * <p><b>Where memory ends</b>, the tree is as it was before: whatever a change needs is allocated before anything is
 * changed.
 *
 * <p>Pure: it moves page numbers between itself and its {@link PagePool}. One thread uses it.
 */
public final class RadixTree {
    private static final int[] EMPTY = new int[0];

    private final PagePool pool;
    private final int pageSize;
    private final Map<String, Node> roots = new LinkedHashMap<>();
    private final LeafHeap leaves = new LeafHeap();
    private int pages;
    private int pinnedPages;
    private int nodes;
    private long clock;

    public RadixTree(PagePool pool, int pageSize) {
        this.pool = pool;
        this.pageSize = pageSize;
    }

    /** Pages that the tree owns. */
    public int pages() {
        return pages;
    }

    /** Of {@link #pages}, those that eviction could free now. */
    public int evictable() {
        return pages - pinnedPages;
    }

    /** How many of {@code tokens[0, limit)} are cached, in whole pages. Changes nothing, recency included. */
    public int cachedTokens(String salt, int[] tokens, int limit) {
        Node node = deepest(salt, tokens, limit);
        return node == null ? 0 : matched(node, tokens, limit) * pageSize;
    }

    /** The node in which the longest cached part of {@code tokens[0, limit)} ends; null for nothing. Changes nothing. */
    public @Nullable Node deepest(String salt, int[] tokens, int limit) {
        Node at = roots.get(salt);
        Node found = null;
        while (at != null) {
            int from = at.end * pageSize;
            found = at;
            at = from + pageSize <= limit ? at.children.find(tokens, from) : null;
            if (at != null && matched(at, tokens, limit) < at.end) {
                return at;
            }
        }
        return found;
    }

    /**
     * The node that stands for the longest cached prefix of {@code tokens[0, limit)}, in whole pages, marked as wanted
     * now; a run that is left in its middle is split. Pin it before anything else happens to the tree.
     */
    public Node match(String salt, int[] tokens, int limit) {
        Node at = roots.computeIfAbsent(salt, s -> new Node(null, s, pageSize, EMPTY, EMPTY));
        clock++;
        touch(at);
        while ((at.end + 1) * pageSize <= limit) {
            Node next = at.children.find(tokens, at.end * pageSize);
            if (next == null) {
                break;
            }
            int common = matched(next, tokens, limit) - at.end;
            if (common < next.length) {
                at = split(next, common);
                touch(at);
                break;
            }
            at = next;
            touch(at);
        }
        return at;
    }

    /** Holds the prefix up to {@code node} in the cache. */
    public void pin(Node node) {
        for (Node n = node; n != null; n = n.parent) {
            if (n.pins++ == 0) {
                pinnedPages += n.length;
                leaves.remove(n);
            }
        }
    }

    /** Undoes one {@link #pin}. */
    public void unpin(Node node) {
        for (Node n = node; n != null; n = n.parent) {
            if (--n.pins == 0) {
                pinnedPages -= n.length;
                offer(n);
            }
        }
    }

    /**
     * Gives the tree the pages of {@code tokens[at.end, to)} of a sequence that goes on reading them. If another
     * sequence has cached any of these tokens meanwhile, nothing is taken over (a row's page table cannot be exchanged
     * under it) and {@code at} is returned. Otherwise the caller's pin on {@code at} moves to the node returned.
     *
     * @param to a multiple of the page size
     * @param pageOf the sequence's pages from its position 0 on
     */
    public Node extend(Node at, int[] tokens, int to, int[] pageOf) {
        if (to <= at.end * pageSize || at.children.find(tokens, at.end * pageSize) != null) {
            return at;
        }
        clock++;
        Node added = attach(at, tokens, to, pageOf);
        added.pins = 1;
        pinnedPages += added.length;
        return added;
    }

    /**
     * Gives the tree the pages of {@code tokens[at.end, to)} of a sequence that has ended. Those that are cached
     * already go back to the pool, as do those for which there is no memory left. Unpin {@code at} afterwards.
     *
     * @param to a multiple of the page size
     * @param pageOf the sequence's pages from its position 0 on
     */
    public void insert(Node at, int[] tokens, int to, int[] pageOf) {
        clock++;
        Node node = at;
        touchPath(node);
        int done = node.end; // pages that are the tree's, or the pool's again
        try {
            while (node.end * pageSize < to) {
                Node next = node.children.find(tokens, node.end * pageSize);
                if (next == null) {
                    offer(attach(node, tokens, to, pageOf));
                    return;
                }
                int common = matched(next, tokens, to) - node.end;
                for (; done < node.end + common; done++) {
                    if (next.pages[done - node.end] != pageOf[done]) {
                        pool.give(pageOf[done]);
                    }
                }
                node = common < next.length ? split(next, common) : next;
                touch(node);
            }
        } catch (OutOfMemoryError none) { // what is not kept is computed again
            for (int i = done; i < to / pageSize; i++) {
                pool.give(pageOf[i]);
            }
        }
    }

    /** Frees {@code count} pages, least recently used first; there must be as many {@link #evictable}. */
    public void evict(int count) {
        int left = count;
        while (left > 0) {
            if (leaves.isEmpty()) {
                throw new EngineFault(EngineFault.Code.INTERNAL, "nothing left to evict, " + left + " pages wanted");
            }
            Node leaf = leaves.first();
            int cut = Math.min(left, leaf.length);
            for (int i = leaf.length - cut; i < leaf.length; i++) {
                pool.give(leaf.pages[i]);
            }
            pages -= cut;
            left -= cut;
            if (cut == leaf.length) {
                removeLeaf(leaf);
            } else {
                leaf.cut(cut, pageSize);
            }
        }
    }

    /** Forgets the prefix up to {@code node} and all that continues it, as far as nobody holds it. */
    public void drop(Node node) {
        Node top = null;
        for (Node n = node; n != null && n.parent != null && n.pins == 0; n = n.parent) {
            top = n;
        }
        if (top == null) {
            return;
        }
        var below = new ArrayList<Node>();
        below.add(top);
        for (int i = 0; i < below.size(); i++) {
            below.get(i).children.forEach(below::add);
        }
        for (Node n : below.reversed()) { // a leaf by then
            for (int i = 0; i < n.length; i++) {
                pool.give(n.pages[i]);
            }
            pages -= n.length;
            removeLeaf(n);
        }
    }

    /** Calls {@code each} for every page that the tree owns. */
    public void forEachPage(IntConsumer each) {
        var open = new ArrayDeque<>(roots.values());
        while (!open.isEmpty()) {
            Node n = open.pop();
            for (int i = 0; i < n.length; i++) {
                each.accept(n.pages[i]);
            }
            n.children.forEach(open::push);
        }
    }

    /**
     * Walks the whole tree and compares it with its own counters.
     *
     * @param pinned the node of every pin there is
     * @throws EngineFault naming what does not hold
     */
    public void checkInvariants(Collection<Node> pinned) {
        var pins = new IdentityHashMap<Node, Integer>();
        for (Node p : pinned) {
            for (Node n = p; n != null; n = n.parent) {
                pins.merge(n, 1, Integer::sum);
            }
        }
        var seen = new HashMap<String, Integer>();
        var open = new ArrayDeque<>(roots.values());
        while (!open.isEmpty()) {
            Node n = open.pop();
            seen.merge("nodes", n.parent == null ? 0 : 1, Integer::sum);
            seen.merge("pages", n.length, Integer::sum);
            seen.merge("pinned", n.pins > 0 ? n.length : 0, Integer::sum);
            require(n.pins == pins.getOrDefault(n, 0), n, "pins");
            require(n.end == n.length + (n.parent == null ? 0 : n.parent.end), n, "end");
            require(n.parent == null || n.length > 0, n, "length");
            require(n.parent != null || n.pins > 0 || !n.children.isEmpty(), n, "empty namespace");
            require((n.heapIndex >= 0) == isEvictableLeaf(n), n, "heap");
            n.children.forEach(c -> {
                require(c.parent == n && c.used <= n.used, c, "parent");
                require(n.children.find(c.tokens, 0) == c, c, "child");
                open.push(c);
            });
        }
        if (seen.getOrDefault("nodes", 0) != nodes
                || seen.getOrDefault("pages", 0) != pages
                || seen.getOrDefault("pinned", 0) != pinnedPages) {
            throw new EngineFault(
                    EngineFault.Code.INTERNAL,
                    "radix tree: counted " + seen + ", have " + pages + " pages, " + pinnedPages + " pinned");
        }
    }

    private static void require(boolean holds, Node node, String what) {
        if (!holds) {
            throw new EngineFault(
                    EngineFault.Code.INTERNAL,
                    "radix tree: " + what + " of the node that ends at page " + node.end + " is wrong");
        }
    }

    /** How many pages of {@code tokens[0, limit)} the prefix up to {@code node} has, given that its parent's match. */
    private int matched(Node node, int[] tokens, int limit) {
        int from = (node.end - node.length) * pageSize;
        int most = Math.min(node.length * pageSize, limit - from);
        int common = Arrays.mismatch(node.tokens, 0, most, tokens, from, from + most);
        return (from + (common < 0 ? most : common)) / pageSize;
    }

    private void touch(Node node) {
        node.used = clock;
        leaves.moved(node);
    }

    private void touchPath(Node node) {
        for (Node n = node; n != null && n.used < clock; n = n.parent) {
            touch(n);
        }
    }

    private Node attach(Node parent, int[] tokens, int to, int[] pageOf) {
        int[] run = Arrays.copyOfRange(tokens, parent.end * pageSize, to);
        Node node = new Node(parent, parent.salt, pageSize, run, Arrays.copyOfRange(pageOf, parent.end, to / pageSize));
        parent.children.reserve();
        leaves.reserve(nodes + 1);
        nodes++;
        leaves.remove(parent);
        touchPath(node);
        parent.children.add(node);
        pages += node.length;
        return node;
    }

    /** Cuts {@code node}'s run after {@code head} pages; the new upper part is returned, the object stays the lower. */
    private Node split(Node node, int head) {
        Node parent = Objects.requireNonNull(node.parent);
        Node upper = new Node(
                parent,
                node.salt,
                pageSize,
                Arrays.copyOf(node.tokens, head * pageSize),
                Arrays.copyOf(node.pages, head));
        int[] tokens = Arrays.copyOfRange(node.tokens, head * pageSize, node.length * pageSize);
        int[] pagesBelow = Arrays.copyOfRange(node.pages, head, node.length);
        upper.children.reserve();
        leaves.reserve(nodes + 1);
        nodes++;
        upper.pins = node.pins;
        upper.used = node.used;
        parent.children.replace(node, upper);
        node.tokens = tokens;
        node.pages = pagesBelow;
        node.length -= head;
        node.parent = upper;
        upper.children.add(node);
        return upper;
    }

    private void removeLeaf(Node leaf) {
        leaves.remove(leaf);
        nodes--;
        Node parent = Objects.requireNonNull(leaf.parent);
        parent.children.remove(leaf);
        offer(parent);
    }

    /** A node may have become an evictable leaf, or a namespace nobody's. */
    private void offer(Node node) {
        if (isEvictableLeaf(node)) {
            leaves.add(node);
        } else if (node.parent == null && node.pins == 0 && node.children.isEmpty()) {
            roots.remove(node.salt);
        }
    }

    private static boolean isEvictableLeaf(Node node) {
        return node.parent != null && node.pins == 0 && node.children.isEmpty();
    }
}
