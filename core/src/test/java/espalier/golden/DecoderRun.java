package espalier.golden;

import espalier.checkpoint.Checkpoint;
import espalier.model.Decoder;
import espalier.model.MemoryPlan;
import espalier.model.Mesh;
import espalier.model.ModelConfig;
import espalier.model.Pass;
import espalier.model.Weights;
import espalier.model.family.Families;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;

/**
 * Runs sequences through a model by steps that a test chooses, and returns the logits of every position. The pages of
 * the cache lie in a shuffled order, and steps may hold tokens of several sequences. Any device can be put to it.
 *
 * @param contextTokens for which the model is loaded; 0 leaves it to the model
 * @param pageSize tokens of a page
 * @param seed of the order of pages
 */
public record DecoderRun(Checkpoint checkpoint, int contextTokens, int pageSize, long seed) {

    /** How the positions of the sequences are spread over steps: {@code [step][sequence]} tokens. */
    public record Steps(int[][] tokens) {
        /** All sequences whole, in one step. */
        public static Steps whole(List<int[]> sequences) {
            return new Steps(
                    new int[][] {sequences.stream().mapToInt(ids -> ids.length).toArray()});
        }

        /** Runs of {@code size} tokens of each sequence, as long as it has some. */
        public static Steps runs(List<int[]> sequences, int size) {
            var steps = new ArrayList<int[]>();
            int longest = sequences.stream().mapToInt(ids -> ids.length).max().orElse(0);
            for (int from = 0; from < longest; from += size) {
                int start = from;
                steps.add(sequences.stream()
                        .mapToInt(ids -> Math.clamp(ids.length - start, 0, size))
                        .toArray());
            }
            return new Steps(steps.toArray(int[][]::new));
        }
    }

    /** Logits {@code [sequence][position][id]} as rank 0 has them, after checking that every rank has the same. */
    public List<float[][]> logits(List<Device> ranks, List<int[]> sequences, Steps steps) {
        var tasks = new ArrayList<Callable<List<float[][]>>>();
        for (int rank = 0; rank < ranks.size(); rank++) {
            var mesh = new Mesh(rank, ranks.size());
            Device device = ranks.get(rank);
            tasks.add(() -> new OneRank(device, mesh, sequences).run(steps));
        }
        try (var threads = Executors.newFixedThreadPool(ranks.size())) {
            var all = new ArrayList<List<float[][]>>();
            for (var result : threads.invokeAll(tasks)) {
                all.add(result.get());
            }
            for (List<float[][]> other : all) {
                for (int s = 0; s < sequences.size(); s++) {
                    if (!java.util.Arrays.deepEquals(
                            other.get(s), all.getFirst().get(s))) {
                        throw new AssertionError("ranks have different logits");
                    }
                }
            }
            return all.getFirst();
        } catch (Exception e) {
            throw new AssertionError("a rank failed: " + e, e);
        }
    }

    private final class OneRank {
        private final Device device;
        private final Decoder decoder;
        private final List<int[]> sequences;
        private final int[][] pages;
        private final int[] done;
        private final List<float[][]> logits = new ArrayList<>();
        private final Workspace space;
        private final KvCache kv;
        private final Tensor table;

        OneRank(Device device, Mesh mesh, List<int[]> sequences) {
            this.device = device;
            this.sequences = sequences;
            ModelConfig config = ModelConfig.of(checkpoint.config()).withContext(contextTokens);
            var family = Families.of(config);
            decoder = Decoder.load(family, config, Weights.of(checkpoint, device, mesh), _ -> {});
            int vocab = decoder.shape().vocab().size();
            int all = 0;
            int width = 0;
            for (int[] ids : sequences) {
                logits.add(new float[ids.length][vocab]);
                all += Math.ceilDiv(ids.length, pageSize);
                width = Math.max(width, Math.ceilDiv(ids.length, pageSize));
            }
            pages = shuffledPages(all);
            done = new int[sequences.size()];
            kv = device.kvCache(decoder.shape()
                    .kvShape(mesh, all * pageSize, KvType.of(device.ops().activations())));
            int tokens = sequences.stream().mapToInt(ids -> ids.length).sum();
            var largest = new MemoryPlan.Largest(tokens, tokens, width);
            space = new Workspace(device.allocate(MemoryPlan.workspaceBytes(
                    decoder, mesh, largest, device.ops().activations())));
            table = table(width);
        }

        /** Page numbers by sequence and index. */
        private int[][] shuffledPages(int all) {
            var numbers = new ArrayList<Integer>();
            for (int i = 0; i < all; i++) {
                numbers.add(i);
            }
            Collections.shuffle(numbers, new Random(seed));
            var mine = new int[sequences.size()][];
            int next = 0;
            for (int s = 0; s < mine.length; s++) {
                mine[s] = new int[Math.ceilDiv(sequences.get(s).length, pageSize)];
                for (int i = 0; i < mine[s].length; i++) {
                    mine[s][i] = numbers.get(next++);
                }
            }
            return mine;
        }

        /** Sequence s sits in the last seat but s, so that seats and rows of a step differ. */
        private Tensor table(int width) {
            var flat = new int[sequences.size() * width];
            for (int s = 0; s < pages.length; s++) {
                System.arraycopy(pages[s], 0, flat, seat(s) * width, pages[s].length);
            }
            return ints(flat, sequences.size());
        }

        private int seat(int sequence) {
            return sequences.size() - 1 - sequence;
        }

        List<float[][]> run(Steps steps) {
            for (int[] counts : steps.tokens()) {
                step(counts);
            }
            return logits;
        }

        private void step(int[] counts) {
            int tokens = java.util.Arrays.stream(counts).sum();
            var ids = new int[tokens];
            var positions = new int[tokens];
            var slots = new int[tokens];
            var rows = new int[tokens];
            var first = new ArrayList<Integer>();
            var context = new ArrayList<Integer>();
            var seats = new ArrayList<Integer>();
            int row = 0;
            for (int s = 0; s < counts.length; s++) {
                if (counts[s] == 0) {
                    continue;
                }
                first.add(row);
                seats.add(seat(s));
                for (int i = 0; i < counts[s]; i++, row++) {
                    int position = done[s] + i;
                    ids[row] = sequences.get(s)[position];
                    positions[row] = position;
                    slots[row] = pages[s][position / pageSize] * pageSize + position % pageSize;
                    rows[row] = row;
                }
                context.add(done[s] + counts[s]);
            }
            var in = new StepInputs(
                    ints(ids, 1),
                    ints(positions, 1),
                    ints(slots, 1),
                    ints(first),
                    ints(context),
                    ints(seats),
                    table,
                    pageSize,
                    ints(rows, 1),
                    tokens,
                    first.size());
            read(in, counts);
        }

        private void read(StepInputs in, int[] counts) {
            try (Workspace.Frame _ = space.frame()) {
                int vocab = decoder.shape().vocab().size();
                Tensor out = space.take(DType.F32, in.tokens(), vocab);
                decoder.forward(new Pass(device.ops(), space, in, kv, device.collective()), out);
                int row = 0;
                for (int s = 0; s < counts.length; s++) {
                    for (int i = 0; i < counts[s]; i++, row++) {
                        device.download(
                                out.buffer(),
                                out.offset() + 4L * row * vocab,
                                MemorySegment.ofArray(logits.get(s)[done[s] + i]));
                    }
                    done[s] += counts[s];
                }
            }
        }

        private Tensor ints(List<Integer> values) {
            return ints(values.stream().mapToInt(Integer::intValue).toArray(), 1);
        }

        private Tensor ints(int[] values, int rows) {
            Buffer held = device.allocate(4L * values.length);
            device.upload(MemorySegment.ofArray(values), held, 0);
            int cols = values.length / rows;
            return new Tensor(held, 0, DType.I32, rows, cols, cols);
        }
    }
}
