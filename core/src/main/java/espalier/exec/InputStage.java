package espalier.exec;

import espalier.step.StepPlan;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.SharedPrefixes;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Turns plans into what a forward pass reads. A step's numbers are packed into one host slab and sent by one copy; two
 * slabs take turns, so that the next step may be written while a queued copy still reads the other. Where a field lies
 * on the device depends on the counts of tokens and sequences alone: the same counts, the same addresses.
 *
 * <p>Fields, each from a multiple of {@value #ALIGN} numbers: ids, positions, write slots (a token each); first row,
 * context length, seat, sample row (a sequence each); where sequences share prefixes that are worth it the five of {@link
 * SharedPrefixes}; then the pages that the table gets and where. A step of one row a sequence may be padded with sequences
 * of no positions, which write nowhere, to a number that was recorded.
 */
final class InputStage implements AutoCloseable {
    private static final int ALIGN = 16;
    private static final int PLAIN_FIELDS = 4;
    private static final int PREFIX_FIELDS = 5;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    private final Arena arena = Arena.ofShared();
    private final Device device;
    private final Capacity capacity;
    private final PageTable pageTable;
    private final PrefixGroups prefixGroups;
    private final boolean groups;
    private final List<Prefix> prefixes = new ArrayList<>();
    private final MemorySegment[] slabs;
    private final Buffer buffer;
    private int turn;

    InputStage(Device device, Capacity capacity) {
        this.device = device;
        this.capacity = capacity;
        this.pageTable = new PageTable(device, capacity);
        SharedPrefixes.Least least = device.sharedPrefixes();
        this.groups = !least.equals(SharedPrefixes.Least.NEVER);
        this.prefixGroups = new PrefixGroups(pageTable, capacity, least);
        long bytes = deviceBytes(capacity);
        this.slabs = new MemorySegment[] {arena.allocate(bytes, 64), arena.allocate(bytes, 64)};
        this.buffer = device.allocate(bytes);
    }

    /** Of the device's copy of a slab. */
    static long deviceBytes(Capacity capacity) {
        int pages = aligned(capacity.seats() * PageTable.FEW);
        return 4L
                * (3L * aligned(capacity.tokensPerStep())
                        + (long) (PLAIN_FIELDS + PREFIX_FIELDS) * aligned(capacity.seats())
                        + 2L * pages);
    }

    /**
     * A plan's inputs.
     *
     * @param samples sequences that want a token
     * @param sharing sequences whose prefix is worth reading once for several
     */
    record Staged(StepInputs inputs, int samples, int sharing) {}

    /** A prefix that these sequences of the step share. */
    private record Prefix(int[] sequences, int positions) {}

    /** @param padded rows of the batch, no fewer than the plan has; more only where each sequence has one */
    Staged stage(StepPlan plan, int padded) {
        int tokens = plan.tokens();
        int sequences = plan.chunks().size();
        if (tokens < 1 || tokens > capacity.tokensPerStep() || sequences > capacity.seats()) {
            throw new IllegalArgumentException("step " + plan.number() + " has " + tokens + " tokens of " + sequences
                    + " sequences; room is for " + capacity.tokensPerStep() + " of " + capacity.seats());
        }
        int more = padded - tokens;
        pageTable.clearAdded();
        addPages(plan);
        findPrefixes(plan);
        var fields = fields(tokens + more, sequences + more, prefixes.isEmpty() ? 0 : PREFIX_FIELDS);
        var counts = new Counts(plan);
        int row = 0;
        int samples = 0;
        for (int s = 0; s < sequences; s++) {
            Chunk c = plan.chunks().get(s);
            fields.sequence(0, s, row);
            fields.sequence(1, s, c.start() + c.input().count());
            fields.sequence(2, s, c.seat());
            row = tokens(fields, c, row);
            if (c.samples()) {
                fields.sequence(3, samples++, row - 1);
            }
        }
        for (int i = 0; i < more; i++) {
            fields.blank(row + i, sequences + i);
        }
        if (!prefixes.isEmpty()) {
            fields.prefixes(prefixes, sequences + more);
        }
        send(fields);
        StepInputs inputs = inputs(fields, tokens + more, sequences + more, samples + more, counts.outline());
        int sharing = prefixes.stream().mapToInt(p -> p.sequences.length).sum();
        return new Staged(inputs, samples, sharing);
    }

    private Fields fields(int tokens, int sequences, int prefixFields) {
        var fields = new Fields(slabs[turn], aligned(tokens), aligned(sequences), prefixFields);
        turn = 1 - turn;
        return fields;
    }

    private void addPages(StepPlan plan) {
        for (Chunk c : plan.chunks()) {
            if (c.opens()) {
                pageTable.open(c.seat());
                prefixGroups.forget(c.seat());
            }
            pageTable.append(c.seat(), c.newPages());
        }
    }

    private void findPrefixes(StepPlan plan) {
        prefixes.clear();
        if (!groups) {
            return;
        }
        for (int s = 0; s < plan.chunks().size(); s++) {
            Chunk c = plan.chunks().get(s);
            if (c.input().count() == 1) {
                prefixGroups.add(c.seat(), s, c.start());
            }
        }
        prefixGroups.find((sequences, positions) -> prefixes.add(new Prefix(sequences, positions)));
    }

    /** A step of sequences of no positions. */
    StepInputs blank(Device.Recorded step) {
        int batch = step.sequences();
        var fields = fields(batch, batch, step.prefixes() == Device.Prefixes.SHARED ? PREFIX_FIELDS : 0);
        pageTable.clearAdded();
        for (int i = 0; i < batch; i++) {
            fields.blank(i, i);
        }
        if (step.prefixes() == Device.Prefixes.SHARED) {
            fields.prefixes(List.of(), batch);
        }
        send(fields);
        return inputs(fields, batch, batch, batch, new StepInputs.Outline(StepInputs.Rows.ONE, 0, step.longest()));
    }

    private void send(Fields fields) {
        int added = pageTable.added();
        for (int i = 0; i < added; i++) {
            fields.page(i, pageTable.addedPage(i), pageTable.addedAt(i), added);
        }
        device.upload(fields.slab.asSlice(0, fields.bytes(added)), buffer, 0);
        if (added > 0) {
            Tensor pages = view(fields.pages(), added);
            Tensor at = view(fields.pages() + added, added);
            device.ops().scatter(pages, at, pageTable.tensor());
        }
    }

    /** What a plan's chunks have in common. */
    private record Counts(StepPlan plan) {
        StepInputs.Outline outline() {
            int ones = 0;
            int cached = 0;
            int longest = 0;
            for (Chunk c : plan.chunks()) {
                int count = c.input().count();
                ones += count == 1 ? 1 : 0;
                cached += count > 1 && c.start() > 0 ? 1 : 0;
                longest = Math.max(longest, c.start() + count);
            }
            StepInputs.Rows rows = ones == 0
                    ? StepInputs.Rows.SEVERAL
                    : ones == plan.chunks().size() ? StepInputs.Rows.ONE : StepInputs.Rows.ANY;
            return new StepInputs.Outline(rows, cached, longest);
        }
    }

    private int tokens(Fields fields, Chunk c, int firstRow) {
        int count = c.input().count();
        for (int i = 0; i < count; i++) {
            int id = switch (c.input()) {
                case Input.Prompt(var ids) -> ids.get(i);
                case Input.LastSampled() -> -1 - c.seat();
            };
            fields.token(0, firstRow + i, id);
            fields.token(1, firstRow + i, c.start() + i);
            fields.token(2, firstRow + i, pageTable.slot(c.seat(), c.start() + i));
        }
        return firstRow + count;
    }

    private StepInputs inputs(Fields f, int tokens, int sequences, int samples, StepInputs.Outline outline) {
        return new StepInputs(
                view(f.tokenField(0), tokens),
                view(f.tokenField(1), tokens),
                view(f.tokenField(2), tokens),
                view(f.sequenceField(0), sequences),
                view(f.sequenceField(1), sequences),
                view(f.sequenceField(2), sequences),
                pageTable.tensor(),
                capacity.pageSize(),
                view(f.sequenceField(3), Math.max(1, samples)),
                tokens,
                sequences,
                outline,
                f.prefixFields() == 0
                        ? null
                        : new SharedPrefixes(
                                view(f.sequenceField(PLAIN_FIELDS), sequences),
                                view(f.sequenceField(PLAIN_FIELDS + 1), sequences),
                                view(f.sequenceField(PLAIN_FIELDS + 2), sequences),
                                view(f.sequenceField(PLAIN_FIELDS + 3), sequences),
                                view(f.sequenceField(PLAIN_FIELDS + 4), sequences)));
    }

    private Tensor view(long at, int count) {
        return new Tensor(buffer, 4 * at, DType.I32, 1, count, count);
    }

    @Override
    public void close() {
        arena.close();
    }

    private static int aligned(int count) {
        return Math.ceilDiv(count, ALIGN) * ALIGN;
    }

    /** Where the fields of one step lie in a slab, in numbers. */
    private record Fields(MemorySegment slab, int tokenWidth, int sequenceWidth, int prefixFields) {
        long tokenField(int field) {
            return (long) field * tokenWidth;
        }

        long sequenceField(int field) {
            return 3L * tokenWidth + (long) field * sequenceWidth;
        }

        long pages() {
            return sequenceField(PLAIN_FIELDS + prefixFields);
        }

        long bytes(int added) {
            return 4 * (pages() + 2L * added);
        }

        void page(int index, int page, int at, int added) {
            slab.setAtIndex(INT, pages() + index, page);
            slab.setAtIndex(INT, pages() + added + index, at);
        }

        void prefixes(List<Prefix> all, int sequences) {
            for (int s = 0; s < sequences; s++) {
                sequence(PLAIN_FIELDS, s, 0);
                sequence(PLAIN_FIELDS + 1, s, -1);
                sequence(PLAIN_FIELDS + 2, s, 0);
                sequence(PLAIN_FIELDS + 3, s, 0);
            }
            int members = 0;
            for (int g = 0; g < all.size(); g++) {
                Prefix prefix = all.get(g);
                sequence(PLAIN_FIELDS + 4, g, members);
                for (int i = 0; i < prefix.sequences.length; i++) {
                    int s = prefix.sequences[i];
                    sequence(PLAIN_FIELDS, s, prefix.positions);
                    sequence(PLAIN_FIELDS + 1, s, g);
                    sequence(PLAIN_FIELDS + 2, s, i);
                    sequence(PLAIN_FIELDS + 3, members++, s);
                }
            }
            for (int g = all.size(); g < sequences; g++) {
                sequence(PLAIN_FIELDS + 4, g, members);
            }
        }

        /** A row of a sequence without positions. */
        void blank(int row, int sequence) {
            token(0, row, 0);
            token(1, row, 0);
            token(2, row, -1);
            sequence(0, sequence, row);
            sequence(1, sequence, 0);
            sequence(2, sequence, 0);
            sequence(3, sequence, row);
        }

        void token(int field, int index, int value) {
            slab.setAtIndex(INT, tokenField(field) + index, value);
        }

        void sequence(int field, int index, int value) {
            slab.setAtIndex(INT, sequenceField(field) + index, value);
        }
    }
}
