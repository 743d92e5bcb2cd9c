package espalier.contract;

import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.Ops;
import espalier.tensor.SharedPrefixes;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Several sequences in one step over a paged cache. Each sequence's positions before {@code cached} were written by an
 * earlier step, in another order of sequences, to pages in random order.
 *
 * @param cached positions of each sequence before the step
 * @param fresh positions of each sequence in the step
 */
public record AttentionCase(
        KvType kv, int headDim, int heads, int kvHeads, int pageSize, int window, int[] cached, int[] fresh) {
    private static final double TOLERANCE = 1e-5;
    static final int LAYERS = 2;

    static void addTo(List<OpCase> cases) {
        int[] none = {0, 0, 0};
        int[] ragged = {1, 7, 4};
        for (KvType kv : KvType.values()) {
            for (int headDim : new int[] {64, 80, 96, 128, 256, 6, 24, 1}) {
                cases.add(new AttentionCase(kv, headDim, 4, 2, 1, 0, none, ragged).asCase());
                cases.add(new AttentionCase(kv, headDim, 2, 2, 16, 0, new int[] {5, 0, 70}, ragged).asCase());
            }
            for (int group = 1; group <= 8; group++) {
                cases.add(
                        new AttentionCase(kv, 32, 2 * group, 2, 16, 0, new int[] {130, 3}, new int[] {1, 9}).asCase());
            }
            for (int window : new int[] {1, 3, 64, 100}) {
                var cached = new int[] {0, 63, 64, 150};
                cases.add(new AttentionCase(kv, 16, 4, 2, 1, window, cached, new int[] {9, 2, 1, 70}).asCase());
            }
            cases.add(new AttentionCase(kv, 64, 6, 2, 16, 0, new int[] {511, 300, 0}, new int[] {1, 1, 1}).asCase());
            cases.add(new AttentionCase(kv, 16, 4, 1, 4, 0, new int[] {0}, new int[] {140}).asCase());
            cases.add(new SharedPrefixCase(kv, 64, 6, 2, 16, SharedPrefixCase.TWO_GROUPS, 0).asCase());
        }
    }

    public OpCase asCase() {
        return new OpCase(
                "attention " + kv + " headDim " + headDim + " heads " + heads + "/" + kvHeads + " pages of " + pageSize
                        + " window " + window + " cached " + java.util.Arrays.toString(cached) + " fresh "
                        + java.util.Arrays.toString(fresh),
                TOLERANCE,
                this::run);
    }

    private float[][] run(Scene scene) {
        int sequences = fresh.length;
        var pages = new Pages(sequences, pageSize, longest(), scene.random());
        KvCache cache =
                scene.device().kvCache(new KvCache.Shape(LAYERS, pages.count() * pageSize, kvHeads, headDim, kv));
        var layer = new Layer(cache, headDim, heads, kvHeads, window);
        var prefix = new ArrayList<int[]>();
        var step = new ArrayList<int[]>();
        for (int s = 0; s < sequences; s++) {
            if (cached[s] > 0) {
                prefix.addFirst(new int[] {s, 0, cached[s]});
            }
            step.add(new int[] {s, cached[s], cached[s] + fresh[s]});
        }
        if (!prefix.isEmpty()) {
            layer.attend(scene, pages.inputs(scene, prefix));
        }
        return scene.read(layer.attend(scene, pages.inputs(scene, step)));
    }

    private int longest() {
        int most = 0;
        for (int s = 0; s < fresh.length; s++) {
            most = Math.max(most, cached[s] + fresh[s]);
        }
        return most;
    }

    /** Attention over one cache; an odd layer of it, so that layers must not be mixed up. */
    record Layer(KvCache cache, int headDim, int heads, int kvHeads, int window) {
        Tensor attend(Scene scene, StepInputs in) {
            Tensor q = scene.inputs(in.tokens(), heads * headDim, scene.stride(heads * headDim, 5));
            Tensor k = scene.inputs(in.tokens(), kvHeads * headDim, scene.stride(kvHeads * headDim, 1));
            Tensor v = scene.inputs(in.tokens(), kvHeads * headDim, scene.stride(kvHeads * headDim, 0));
            Tensor out = scene.out(in.tokens(), heads * headDim, scene.outStride(heads * headDim, 2));
            float scale = (float) (2 / Math.sqrt(headDim));
            scene.device().ops().attention(new Ops.Attend(1, q, k, v, out, headDim, scale, window, in, cache));
            return out;
        }
    }

    /** Page tables: seat {@code i} belongs to sequence {@code sequences - 1 - i}. */
    public static final class Pages {
        private final int[][] table;
        private final int pageSize;

        public Pages(int sequences, int pageSize, int longest, Random random) {
            this.pageSize = pageSize;
            int each = (longest + pageSize - 1) / pageSize;
            var numbers = new ArrayList<Integer>();
            for (int i = 0; i < sequences * each + 3; i++) {
                numbers.add(i);
            }
            Collections.shuffle(numbers, random);
            table = new int[sequences][each];
            for (int[] row : table) {
                for (int i = 0; i < each; i++) {
                    row[i] = numbers.removeLast();
                }
            }
        }

        /** Gives these sequences the first one's pages for their first positions, a number of whole pages. */
        void share(int positions, int... sequences) {
            int[] first = table[table.length - 1 - sequences[0]];
            for (int sequence : sequences) {
                System.arraycopy(first, 0, table[table.length - 1 - sequence], 0, positions / pageSize);
            }
        }

        public int count() {
            return table.length * table[0].length + 3;
        }

        /** What a step of {sequence, from, to} parts reads. */
        public StepInputs inputs(Scene scene, List<int[]> parts) {
            return inputs(scene, parts, null);
        }

        StepInputs inputs(Scene scene, List<int[]> parts, @Nullable SharedPrefixes prefixes) {
            int tokens = parts.stream().mapToInt(p -> p[2] - p[1]).sum();
            var positions = new int[tokens];
            var slots = new int[tokens];
            var firstRow = new int[parts.size()];
            var contextLen = new int[parts.size()];
            var seats = new int[parts.size()];
            int row = 0;
            for (int i = 0; i < parts.size(); i++) {
                int seat = table.length - 1 - parts.get(i)[0];
                firstRow[i] = row;
                contextLen[i] = parts.get(i)[2];
                seats[i] = seat;
                for (int p = parts.get(i)[1]; p < parts.get(i)[2]; p++, row++) {
                    positions[row] = p;
                    slots[row] = table[seat][p / pageSize] * pageSize + p % pageSize;
                }
            }
            return new StepInputs(
                    scene.integers(new int[tokens]),
                    scene.integers(positions),
                    scene.integers(slots),
                    scene.integers(firstRow),
                    scene.integers(contextLen),
                    scene.integers(seats),
                    scene.integers(table),
                    pageSize,
                    scene.integers(0),
                    tokens,
                    parts.size(),
                    new StepInputs.Outline(StepInputs.Rows.ANY, parts.size(), table[0].length * pageSize),
                    prefixes);
        }
    }
}
