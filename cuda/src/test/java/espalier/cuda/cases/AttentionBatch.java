package espalier.cuda.cases;

import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.StepArrays;
import java.util.Arrays;
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
        table = Arrays.stream(other.table).map(p -> p + pages).toArray();
    }

    /** The same, that many pages further on in the cache. */
    AttentionBatch shifted(int pages) {
        return new AttentionBatch(this, pages);
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

    PagedAttention.Plan plan(StepArrays step, PagedAttention.Mix mix) {
        int cached = 0;
        for (int s = 0; s < rows.length; s++) {
            cached += lengths[s] > rows[s] && (rows[s] > 1 || mix == PagedAttention.Mix.PREFILL) ? 1 : 0;
        }
        return new PagedAttention.Plan(step, mix, cached, longest);
    }
}
