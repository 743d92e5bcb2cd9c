package espalier.sched;

import espalier.api.EngineFault;
import espalier.kv.Node;
import espalier.kv.PagePool;
import espalier.kv.RadixTree;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.function.IntConsumer;

/** The pages of all sequences: which they share with the tree, which are their own, and how many can be had. */
final class KvSpace {
    private final Limits limits;
    private final boolean caching;
    private final int leastPromptRows;
    private final PagePool pool;
    private final RadixTree tree;

    KvSpace(Limits limits, Strategy strategy) {
        this.limits = limits;
        this.caching = strategy.prefixCache();
        this.leastPromptRows = strategy.leastPromptRows();
        this.pool = new PagePool(limits.pages());
        this.tree = new RadixTree(pool, limits.pageSize());
    }

    RadixTree tree() {
        return tree;
    }

    boolean isCaching() {
        return caching;
    }

    /** Pages that could be handed out now: free ones, and those of cached prefixes that nobody holds. */
    int obtainable() {
        return pool.available() + tree.evictable();
    }

    int usedTokens() {
        return (limits.pages() - obtainable()) * limits.pageSize();
    }

    int cachedTokens() {
        return tree.evictable() * limits.pageSize();
    }

    /** Gives a sequence without pages the cached part of its tokens; the last ones are always computed. */
    void open(Sequence s) {
        s.pages = 0;
        s.planned = 0;
        s.reservePages(limits.pagesFor(s.known), limits.pagesFor(s.known));
        if (!caching) {
            return;
        }
        Node node = tree.match(s.salt(), s.tokens, mostCached(s));
        tree.pin(node);
        s.node = node;
        s.shares = true;
        s.pages = node.prefixPages();
        node.copyPages(s.pageOf);
        s.planned = s.pages * limits.pageSize();
    }

    /** How many of its tokens may come from the tree. */
    int mostCached(Sequence s) {
        return Math.max(0, s.known - leastPromptRows);
    }

    /** How many tokens {@link #open} would find. */
    int cached(Sequence s) {
        return caching ? tree.cachedTokens(s.salt(), s.tokens, mostCached(s)) : 0;
    }

    /** Extends the sequence's pages to cover positions {@code [0, to)}. */
    void grow(Sequence s, int to) {
        int wanted = limits.pagesFor(to) - s.pages;
        if (wanted > pool.available()) {
            tree.evict(wanted - pool.available());
        }
        s.reservePages(s.pages + wanted, limits.pagesFor(Math.max(to, s.lastPosition())));
        for (int i = 0; i < wanted; i++) {
            s.addPage(pool.take());
        }
    }

    /**
     * Puts the whole pages of the planned part of its prompt into the tree, for those that plan later: they read it
     * after this plan has written it.
     */
    void share(Sequence s) {
        Node node = s.node;
        if (node == null || !s.shares) {
            return;
        }
        int to = Math.min(s.planned, s.prefillEnd) / limits.pageSize() * limits.pageSize();
        try {
            s.node = tree.extend(node, s.tokens, to, s.pageOf);
        } catch (OutOfMemoryError none) { // others compute it themselves
            s.shares = false;
            return;
        }
        s.shares = s.node.prefixPages() * limits.pageSize() == to;
    }

    /** Where the shared part of a prompt that is being computed will end. */
    int sharedEnd(Sequence s) {
        return s.prefillEnd / limits.pageSize() * limits.pageSize();
    }

    /** Takes everything from a sequence; what it has computed of known tokens stays in the tree. */
    void release(Sequence s) {
        Node node = s.node;
        int kept = 0;
        if (node != null) {
            kept = Math.min(s.known, s.planned) / limits.pageSize();
            tree.insert(node, s.tokens, kept * limits.pageSize(), s.pageOf);
            tree.unpin(node);
            s.node = null;
        }
        for (int i = kept; i < s.pages; i++) {
            pool.give(s.pageOf[i]);
        }
        s.pages = 0;
        s.planned = 0;
        s.shares = false;
    }

    /**
     * Forgets what a released sequence has left in the tree, and what it had read there: somewhere in it may be keys or values
     * that are not numbers. What others read meanwhile stays; if it is at fault, they end alike, and the last of them drops it.
     */
    void doubt(Sequence s) {
        Node node = tree.deepest(s.salt(), s.tokens, s.known);
        if (node != null) {
            tree.drop(node);
        }
    }

    /** Forgets every prefix; nobody holds one. */
    void flush() {
        tree.evict(tree.evictable());
    }

    /** Every page is free, the tree's, or one sequence's own: never two of these, never none. */
    void checkInvariants(Collection<Sequence> running) {
        var owned = new BitSet();
        IntConsumer claim = page -> {
            if (owned.get(page)) {
                throw new EngineFault(EngineFault.Code.INTERNAL, "page " + page + " has two owners");
            }
            owned.set(page);
        };
        pool.forEachFree(claim);
        tree.forEachPage(claim);
        List<Node> pinned = new ArrayList<>();
        for (Sequence s : running) {
            int shared = 0;
            if (s.node != null) {
                pinned.add(s.node);
                shared = s.node.prefixPages();
                checkShared(s, s.node);
            }
            for (int i = shared; i < s.pages; i++) {
                claim.accept(s.pageOf[i]);
            }
        }
        tree.checkInvariants(pinned);
        if (owned.cardinality() != limits.pages()) {
            throw new EngineFault(
                    EngineFault.Code.INTERNAL,
                    "free, cached and held pages are " + owned.cardinality() + " of " + limits.pages());
        }
    }

    private static void checkShared(Sequence s, Node node) {
        int[] shared = new int[node.prefixPages()];
        node.copyPages(shared);
        for (int i = 0; i < shared.length; i++) {
            if (i >= s.pages || shared[i] != s.pageOf[i]) {
                throw new EngineFault(EngineFault.Code.INTERNAL, "request " + s.id() + " reads a page that is not its");
            }
        }
    }
}
