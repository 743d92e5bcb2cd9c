package espalier.exec;

import espalier.step.StepPlan;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Turns plans into what a forward pass reads. A step's numbers are packed into one host slab and sent by one copy; two
 * slabs take turns, so that the next step may be written while a queued copy still reads the other. Where a field lies
 * on the device depends on the counts of tokens and sequences alone: the same counts, the same addresses.
 *
 * <p>Fields, each from a multiple of {@value #ALIGN} numbers: ids, positions, write slots (a token each); first row,
 * context length, seat, sample row (a sequence each).
 */
final class InputStage implements AutoCloseable {
    private static final int ALIGN = 16;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    private final Arena arena = Arena.ofShared();
    private final Device device;
    private final Capacity capacity;
    private final PageTable pageTable;
    private final MemorySegment[] slabs;
    private final Buffer buffer;
    private int turn;

    InputStage(Device device, Capacity capacity) {
        this.device = device;
        this.capacity = capacity;
        this.pageTable = new PageTable(device, capacity);
        long bytes = 4L * (3L * aligned(capacity.tokensPerStep()) + 4L * aligned(capacity.seats()));
        this.slabs = new MemorySegment[] {arena.allocate(bytes, 64), arena.allocate(bytes, 64)};
        this.buffer = device.allocate(bytes);
    }

    /** A plan's inputs and how many of its sequences want a token. */
    record Staged(StepInputs inputs, int samples) {}

    Staged stage(StepPlan plan) {
        int tokens = plan.tokens();
        int sequences = plan.chunks().size();
        if (tokens < 1 || tokens > capacity.tokensPerStep() || sequences > capacity.seats()) {
            throw new IllegalArgumentException("step " + plan.number() + " has " + tokens + " tokens of " + sequences
                    + " sequences; room is for " + capacity.tokensPerStep() + " of " + capacity.seats());
        }
        var fields = new Fields(slabs[turn], aligned(tokens), aligned(sequences));
        turn = 1 - turn;
        int row = 0;
        int samples = 0;
        for (int s = 0; s < sequences; s++) {
            Chunk c = plan.chunks().get(s);
            if (c.opens()) {
                pageTable.open(c.seat());
            }
            pageTable.append(c.seat(), c.newPages());
            fields.sequence(0, s, row);
            fields.sequence(1, s, c.start() + c.input().count());
            fields.sequence(2, s, c.seat());
            row = tokens(fields, c, row);
            if (c.samples()) {
                fields.sequence(3, samples++, row - 1);
            }
        }
        device.upload(slabs[1 - turn].asSlice(0, fields.bytes()), buffer, 0);
        return new Staged(inputs(fields, tokens, sequences, samples), samples);
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

    private StepInputs inputs(Fields f, int tokens, int sequences, int samples) {
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
                sequences);
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
    private record Fields(MemorySegment slab, int tokenWidth, int sequenceWidth) {
        long tokenField(int field) {
            return (long) field * tokenWidth;
        }

        long sequenceField(int field) {
            return 3L * tokenWidth + (long) field * sequenceWidth;
        }

        long bytes() {
            return 4 * sequenceField(4);
        }

        void token(int field, int index, int value) {
            slab.setAtIndex(INT, tokenField(field) + index, value);
        }

        void sequence(int field, int index, int value) {
            slab.setAtIndex(INT, sequenceField(field) + index, value);
        }
    }
}
