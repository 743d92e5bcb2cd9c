package espalier.cuda.cases;

import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.PrefixArrays;
import espalier.cuda.kernel.StepArrays;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The sequences of a step: how many rows each has in it, over how many positions; pages drawn at random, seats in
 * another order than the sequences.
 */
final class AttentionBatch {
    final AttentionShape shape;
    final int pageSize;
    final int[] rows;
    final int[] lengths;
    final int[] firstRow;
    final int[] seats;
    final int[] table;
    final int stride;
    final int slots;
    final int tokens;
    final int longest;
    final long positions;
    private final List<Shared> shared;

    /** Sequences that begin with the same pages, so many positions of them. */
    record Shared(int positions, int... sequences) {}

    /** @param rows of each sequence, {@code lengths} its positions after the step; a length of 0 is an empty place */
    AttentionBatch(AttentionShape shape, int pageSize, int[] rows, int[] lengths, SplittableRandom random) {
        this.shape = shape;
        this.pageSize = pageSize;
        this.rows = rows;
        this.lengths = lengths;
        int n = rows.length;
        firstRow = new int[n];
        for (int s = 1; s < n; s++) {
            firstRow[s] = firstRow[s - 1] + rows[s - 1];
        }
        tokens = Arrays.stream(rows).sum();
        longest = Arrays.stream(lengths).max().orElseThrow();
        positions = Arrays.stream(lengths).asLongStream().sum();
        int pages = Arrays.stream(lengths).map(l -> Math.ceilDiv(l, pageSize)).sum() + 1;
        int[] ids = shuffled(pages, random);
        seats = shuffled(n, random);
        stride = Math.max(1, Math.ceilDiv(longest, pageSize));
        slots = pages * pageSize;
        shared = new ArrayList<>();
        table = new int[n * stride];
        Arrays.fill(table, -1_000_000);
        for (int s = 0, at = 0; s < n; s++) {
            for (int i = 0; i < Math.ceilDiv(lengths[s], pageSize); i++) {
                table[seats[s] * stride + i] = ids[at++];
            }
        }
    }

    private AttentionBatch(AttentionBatch other, int pages) {
        shape = other.shape;
        pageSize = other.pageSize;
        rows = other.rows;
        lengths = other.lengths;
        firstRow = other.firstRow;
        seats = other.seats;
        stride = other.stride;
        slots = other.slots;
        tokens = other.tokens;
        longest = other.longest;
        positions = other.positions;
        shared = other.shared;
        table = Arrays.stream(other.table).map(p -> p + pages).toArray();
    }

    /** The same, that many pages further on in the cache. */
    AttentionBatch shifted(int pages) {
        return new AttentionBatch(this, pages);
    }

    /** Gives the sequences the first one's pages to begin with. */
    AttentionBatch share(Shared group) {
        int first = seats[group.sequences[0]] * stride;
        for (int s : group.sequences) {
            System.arraycopy(table, first, table, seats[s] * stride, group.positions / pageSize);
        }
        shared.add(group);
        return this;
    }

    /** What {@link #share} was told, on the device. */
    PrefixArrays uploadPrefixes(Workbench bench) {
        int n = rows.length;
        int[] lengthOf = new int[n];
        int[] groups = new int[n];
        int[] places = new int[n];
        int[] members = new int[n];
        int[] first = new int[n];
        Arrays.fill(groups, -1);
        int count = 0;
        for (int g = 0; g < shared.size(); g++) {
            int[] sequences = shared.get(g).sequences;
            first[g] = count;
            for (int i = 0; i < sequences.length; i++) {
                lengthOf[sequences[i]] = shared.get(g).positions;
                groups[sequences[i]] = g;
                places[sequences[i]] = i;
                members[count++] = sequences[i];
            }
        }
        Arrays.fill(first, shared.size(), n, count);
        return new PrefixArrays(
                bench.ints(lengthOf), bench.ints(groups), bench.ints(places), bench.ints(members), bench.ints(first));
    }

    /** Positions that are read if each group reads its prefix once. */
    long positionsRead() {
        return positions
                - shared.stream()
                        .mapToLong(g -> (g.sequences.length - 1L) * g.positions)
                        .sum();
    }

    static int[] shuffled(int n, SplittableRandom random) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            int j = random.nextInt(i + 1);
            ids[i] = ids[j];
            ids[j] = i;
        }
        return ids;
    }

    int slot(int sequence, int position) {
        return table[seats[sequence] * stride + position / pageSize] * pageSize + position % pageSize;
    }

    int position(int sequence, int row) {
        return lengths[sequence] - rows[sequence] + row;
    }

    StepArrays upload(Workbench bench) {
        int[] at = new int[tokens];
        int[] to = new int[tokens];
        Arrays.fill(to, -1);
        for (int s = 0; s < rows.length; s++) {
            for (int r = 0; r < rows[s] && lengths[s] > 0; r++) {
                at[firstRow[s] + r] = position(s, r);
                to[firstRow[s] + r] = slot(s, position(s, r));
            }
        }
        return new StepArrays(
                bench.ints(at),
                bench.ints(to),
                bench.ints(firstRow),
                bench.ints(lengths),
                bench.ints(seats),
                bench.ints(table),
                stride,
                pageSize,
                rows.length,
                tokens);
    }

    /** With the prefixes that are shared read once. */
    PagedAttention.Plan planSharing(Workbench bench, StepArrays step, PagedAttention.Mix mix) {
        PagedAttention.Plan plan = plan(step, mix);
        return new PagedAttention.Plan(step, mix, plan.cached(), longest, uploadPrefixes(bench));
    }

    PagedAttention.Plan plan(StepArrays step, PagedAttention.Mix mix) {
        int cached = 0;
        for (int s = 0; s < rows.length; s++) {
            cached += lengths[s] > rows[s] && (rows[s] > 1 || mix == PagedAttention.Mix.PREFILL) ? 1 : 0;
        }
        return new PagedAttention.Plan(step, mix, cached, longest);
    }
}
