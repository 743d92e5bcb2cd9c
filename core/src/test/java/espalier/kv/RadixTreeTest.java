package espalier.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RadixTreeTest {

    /** A tree, its pool, and pages taken for a run of tokens as a sequence would take them. */
    private static final class Bench {
        final PagePool pool;
        final RadixTree tree;
        final int pageSize;

        Bench(int pages, int pageSize) {
            this.pool = new PagePool(pages);
            this.tree = new RadixTree(pool, pageSize);
            this.pageSize = pageSize;
        }

        /** Caches {@code tokens} as a sequence that computes them and ends; returns how many were found cached. */
        int cache(String salt, int... tokens) {
            Node at = tree.match(salt, tokens, tokens.length);
            tree.pin(at);
            int to = tokens.length / pageSize * pageSize;
            int[] pages = new int[to / pageSize];
            at.copyPages(pages);
            for (int i = at.prefixPages(); i < pages.length; i++) {
                pages[i] = pool.take();
            }
            int found = at.prefixPages() * pageSize;
            tree.insert(at, tokens, to, pages);
            tree.unpin(at);
            return found;
        }

        int cached(int... tokens) {
            return tree.cachedTokens("", tokens, tokens.length);
        }
    }

    private static int[] range(int from, int to) {
        return IntStream.range(from, to).toArray();
    }

    @Test
    void findsTheLongestPrefixTokenByToken() {
        var b = new Bench(100, 1);
        b.cache("", 1, 2, 3, 4, 5);
        b.cache("", 1, 2, 9);
        assertThat(b.cached(1, 2, 3, 7)).isEqualTo(3);
        assertThat(b.cached(1, 2, 9, 9)).isEqualTo(3);
        assertThat(b.cached(2)).isZero();
        assertThat(b.tree.pages()).isEqualTo(6); // 1 2 once, 3 4 5 and 9
        assertThat(b.pool.available()).isEqualTo(94);
    }

    @Test
    void aMatchNeverGoesBeyondItsLimit() {
        var b = new Bench(100, 2);
        b.cache("", range(0, 10));
        assertThat(b.tree.match("", range(0, 10), 9).prefixPages()).isEqualTo(4);
        assertThat(b.tree.match("", range(0, 10), 1).prefixPages()).isZero();
    }

    @Test
    void withLargerPagesAPartlyEqualPageIsNoMatch() {
        var b = new Bench(100, 4);
        b.cache("", 1, 2, 3, 4, 5, 6, 7, 8, 9);
        assertThat(b.cached(1, 2, 3, 4, 5, 6, 7, 0)).isEqualTo(4);
        assertThat(b.cached(1, 2, 3, 0)).isZero();
        assertThat(b.tree.pages()).isEqualTo(2); // 9 fills no page
    }

    @Test
    void saltsShareNothing() {
        var b = new Bench(100, 1);
        b.cache("a", 1, 2, 3);
        assertThat(b.tree.cachedTokens("b", range(1, 4), 3)).isZero();
        assertThat(b.cache("b", 1, 2, 3)).isZero();
        assertThat(b.tree.pages()).isEqualTo(6);
    }

    @Test
    void insertingWhatIsCachedGivesTheDuplicatePagesBack() {
        var b = new Bench(10, 1);
        Node root = b.tree.match("", range(0, 4), 4);
        b.tree.pin(root);
        int[] first = {b.pool.take(), b.pool.take(), b.pool.take(), b.pool.take()};
        int[] second = {b.pool.take(), b.pool.take(), b.pool.take(), b.pool.take()};
        b.tree.insert(root, range(0, 4), 4, first);
        b.tree.insert(root, new int[] {0, 1, 2, 9}, 4, second);
        b.tree.unpin(root);
        assertThat(b.tree.pages()).isEqualTo(5);
        assertThat(b.pool.available()).isEqualTo(5);
        b.tree.checkInvariants(List.of());
    }

    @Test
    void extendingLeavesToOthersWhatTheyCachedFirst() {
        var b = new Bench(10, 1);
        Node root = b.tree.match("", range(0, 3), 3);
        b.tree.pin(root);
        b.tree.pin(root);
        int[] mine = {b.pool.take(), b.pool.take(), b.pool.take()};
        int[] theirs = {b.pool.take(), b.pool.take(), b.pool.take()};
        Node end = b.tree.extend(root, range(0, 3), 3, mine);
        assertThat(end.prefixPages()).isEqualTo(3);
        assertThat(b.tree.extend(root, new int[] {0, 1, 7}, 3, theirs)).isSameAs(root);
        b.tree.checkInvariants(List.of(end, root));
        assertThat(b.tree.evictable()).isZero();
    }

    @Test
    void aSplitLeavesHandlesPinsAndPagesAsTheyWere() {
        var b = new Bench(100, 1);
        b.cache("", range(0, 10));
        Node whole = b.tree.match("", range(0, 10), 10);
        b.tree.pin(whole);
        int[] before = new int[10];
        whole.copyPages(before);
        Node half = b.tree.match("", range(0, 10), 5);
        b.tree.pin(half);
        b.tree.checkInvariants(List.of(whole, half));
        int[] after = new int[10];
        whole.copyPages(after);
        assertThat(after).isEqualTo(before);
        b.tree.unpin(whole);
        assertThat(b.tree.evictable()).isEqualTo(5);
        assertThatThrownBy(() -> b.tree.evict(6)).isInstanceOf(EngineFault.class);
        assertThat(b.cached(range(0, 10))).isEqualTo(5);
    }

    @Test
    void evictsTheLeastRecentlyUsedLeafFromItsTail() {
        var b = new Bench(100, 1);
        b.cache("", 1, 2, 3, 4);
        b.cache("", 5, 6, 7, 8);
        b.cache("", 1, 2, 3, 4); // used again: now 5 6 7 8 is the older
        b.tree.evict(3);
        assertThat(b.cached(5, 6, 7, 8)).isEqualTo(1);
        assertThat(b.cached(1, 2, 3, 4)).isEqualTo(4);
        b.tree.evict(2);
        assertThat(b.cached(5)).isZero();
        assertThat(b.cached(1, 2, 3, 4)).isEqualTo(3);
        assertThat(b.pool.available()).isEqualTo(97);
    }

    @Test
    void evictsLeavesUpwardsOlderBranchesFirst() {
        var b = new Bench(100, 1);
        b.cache("", 1, 2, 3);
        b.cache("", 1, 2, 4);
        b.cache("", 1, 5);
        b.tree.evict(1);
        assertThat(b.cached(1, 2, 3)).isEqualTo(2);
        b.tree.evict(1);
        assertThat(b.cached(1, 2, 4)).isEqualTo(2);
        b.tree.evict(1); // 1 2 is a leaf of its own now, and older than 1 5
        assertThat(b.cached(1, 2)).isEqualTo(1);
        assertThat(b.cached(1, 5)).isEqualTo(2);
    }

    @Test
    void aPrefixIsDroppedWithAllThatContinuesItUpToWhatIsHeld() {
        var b = new Bench(100, 1);
        b.cache("", 1, 2, 3, 4);
        b.cache("", 1, 2, 3, 5);
        b.cache("", 1, 2, 9);
        Node held = b.tree.match("", new int[] {1, 2, 9}, 3);
        b.tree.pin(held);
        b.tree.drop(b.tree.match("", new int[] {1, 2, 3}, 3));
        b.tree.checkInvariants(List.of(held));
        assertThat(b.cached(1, 2, 3, 4)).as("1 2 is held").isEqualTo(2);
        assertThat(b.cached(1, 2, 9)).isEqualTo(3);
        assertThat(b.pool.available()).isEqualTo(97);
        b.tree.unpin(held);
        b.tree.drop(held);
        assertThat(b.cached(1)).isZero();
        assertThat(b.pool.available()).isEqualTo(100);
    }

    @Test
    void aNodeThatManyShareKeepsFindingItsChildren() {
        var b = new Bench(5000, 1);
        for (int i = 0; i < 1000; i++) {
            b.cache("", 1, 2, i, i + 1);
        }
        for (int i = 0; i < 500; i++) {
            b.tree.evict(2); // the oldest branch each time
            assertThat(b.cached(1, 2, i, i + 1)).isEqualTo(2);
        }
        for (int i = 500; i < 1000; i++) {
            assertThat(b.cached(1, 2, i, i + 1)).isEqualTo(4);
        }
    }

    /** What is found must be the pages that were computed for exactly these tokens, whatever happened in between. */
    @Test
    void neverFindsAPageThatWasComputedForOtherTokens() {
        for (long seed = 0; seed < 60; seed++) {
            new RandomWalk(seed).run();
        }
    }

    private static final class RandomWalk {
        private final SplittableRandom random;
        private final long seed;
        private final Bench bench;
        private final Map<Integer, String> content = new HashMap<>();
        private final List<Node> held = new ArrayList<>();
        private final Map<Node, int[]> pagesOfHeld = new HashMap<>();

        RandomWalk(long seed) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            this.bench = new Bench(40 + random.nextInt(100), 1 + random.nextInt(3));
        }

        void run() {
            for (int i = 0; i < 300; i++) {
                switch (random.nextInt(9)) {
                    case 0, 1, 2, 3 -> compute();
                    case 4 -> drop();
                    case 5, 6 -> bench.tree.evict(random.nextInt(bench.tree.evictable() + 1));
                    default -> release();
                }
                bench.tree.checkInvariants(held);
                checkPages();
            }
        }

        private void compute() {
            String salt = random.nextInt(4) == 0 ? "salt" : "";
            int[] tokens = random.ints(1 + random.nextInt(30), 0, 2).toArray();
            Node at = bench.tree.match(salt, tokens, tokens.length - random.nextInt(2));
            bench.tree.pin(at);
            int wanted = tokens.length / bench.pageSize;
            int[] pages = new int[wanted];
            at.copyPages(pages);
            for (int i = 0; i < at.prefixPages(); i++) {
                assertThat(content.get(pages[i]))
                        .as("page %d, seed %d", pages[i], seed)
                        .isEqualTo(key(salt, tokens, i));
            }
            if (wanted - at.prefixPages() > bench.pool.available() + bench.tree.evictable()) {
                bench.tree.unpin(at);
                return;
            }
            bench.tree.evict(Math.max(0, wanted - at.prefixPages() - bench.pool.available()));
            for (int i = at.prefixPages(); i < wanted; i++) {
                pages[i] = bench.pool.take();
                content.put(pages[i], key(salt, tokens, i));
            }
            if (random.nextInt(3) == 0) {
                Node end = bench.tree.extend(at, tokens, wanted * bench.pageSize, pages);
                for (int i = end.prefixPages(); i < wanted; i++) {
                    bench.pool.give(pages[i]);
                }
                held.add(end);
                pagesOfHeld.put(end, Arrays.copyOf(pages, end.prefixPages()));
            } else {
                bench.tree.insert(at, tokens, wanted * bench.pageSize, pages);
                bench.tree.unpin(at);
            }
        }

        private void drop() {
            int[] tokens = random.ints(1 + random.nextInt(30), 0, 2).toArray();
            Node found = bench.tree.deepest("", tokens, tokens.length);
            if (found != null) {
                bench.tree.drop(found);
                int left = bench.tree.cachedTokens("", tokens, tokens.length);
                assertThat(left == 0 || held.stream().anyMatch(n -> n.prefixPages() * bench.pageSize >= left))
                        .as("what is left is held, seed %d", seed)
                        .isTrue();
            }
        }

        private void release() {
            if (!held.isEmpty()) {
                bench.tree.unpin(held.remove(random.nextInt(held.size())));
            }
        }

        private String key(String salt, int[] tokens, int page) {
            return salt + Arrays.toString(Arrays.copyOf(tokens, (page + 1) * bench.pageSize));
        }

        private void checkPages() {
            var seen = new BitSet();
            bench.pool.forEachFree(seen::set);
            bench.tree.forEachPage(page -> {
                assertThat(seen.get(page))
                        .as("page %d has two owners, seed %d", page, seed)
                        .isFalse();
                seen.set(page);
            });
            assertThat(seen.cardinality()).as("pages, seed %d", seed).isEqualTo(bench.pool.size());
            Set<Node> distinct = new HashSet<>(held);
            for (Node node : distinct) {
                int[] now = new int[node.prefixPages()];
                node.copyPages(now);
                assertThat(now).isEqualTo(pagesOfHeld.get(node));
            }
        }
    }

    @Test
    void thePoolNoticesAPageThatIsGivenBackTwice() {
        var pool = new PagePool(2);
        int page = pool.take();
        pool.give(page);
        assertThatThrownBy(() -> pool.give(page))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("twice");
        pool.take();
        pool.take();
        assertThatThrownBy(pool::take).isInstanceOf(EngineFault.class).hasMessageContaining("empty");
    }
}
