package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import espalier.cpu.jit.ColumnCopy;
import espalier.cpu.jit.Grouping;
import espalier.tensor.BlockFormat;
import espalier.tensor.Matrix;
import espalier.tensor.host.BlockRow;
import espalier.tensor.host.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Panels of {@link Grouping}s, from every block format whose numbers and scales they hold exactly.
 *
 * @param columns of a panel
 * @param copying for formats whose bytes are only put into another order
 */
record GroupLayout(Grouping grouping, Set<BlockFormat> taken, int columns, Copying copying) implements Layout {
    private static final VarHandle FOUR = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    /** One in each byte. */
    private static final int EACH = 0x01010101;

    private static final int LOW_HALVES = 0x0F0F0F0F;
    /** Steps in the longest block of any format. */
    private static final int BLOCK_STEPS = 256 / Grouping.STEP;

    /**
     * Layouts for all block formats, except the one that has a scale for a whole row.
     *
     * @param signedBytes how bytes without a minimum are stored: offset or signed
     */
    static List<GroupLayout> all(int columns, Grouping.Zero signedBytes, Grouping.Order order, Arena arena) {
        var all = new LinkedHashMap<Grouping, Set<BlockFormat>>();
        for (BlockFormat format : BlockFormat.values()) {
            if (format != BlockFormat.INT8_ROW) {
                all.computeIfAbsent(grouping(format, signedBytes, order), g -> EnumSet.noneOf(BlockFormat.class))
                        .add(format);
            }
        }
        var layouts = new ArrayList<GroupLayout>();
        all.forEach((grouping, formats) ->
                layouts.add(new GroupLayout(grouping, formats, columns, new Copying(grouping, columns, arena))));
        return layouts;
    }

    private static Grouping grouping(BlockFormat format, Grouping.Zero signedBytes, Grouping.Order order) {
        int group = Math.min(Grouping.STEP, format.groupElements(format.blockElements()));
        boolean nibbles = format.hasNibbles();
        boolean twoLevels = format.blockElements() > 64;
        return new Grouping(
                nibbles ? Grouping.Bits.NIBBLE : Grouping.Bits.BYTE,
                group,
                twoLevels ? Grouping.Scales.F32 : Grouping.Scales.F16,
                format.hasMinimum() ? Grouping.Zero.MINIMUM : nibbles ? Grouping.Zero.OFFSET : signedBytes,
                order);
    }

    @Override
    public boolean takes(Matrix stored) {
        return stored instanceof Matrix.Blocks b && taken.contains(b.format());
    }

    @Override
    public void pack(Matrix stored, Rows rows, long panel, int column) {
        var blocks = (Matrix.Blocks) stored;
        if (isCopied(blocks.format())) {
            copy(blocks, rows, panel, column);
            return;
        }
        int stepBytes = grouping.panelStepBytes(columns);
        int steps = blocks.in() / Grouping.STEP;
        int chunk = Math.max(1, CHUNK_BYTES / stepBytes / BLOCK_STEPS) * BLOCK_STEPS;
        for (int first = 0; first < steps; first += chunk) {
            int count = Math.min(chunk, steps - first);
            var row = new BlockRow(blocks.format(), count * Grouping.STEP);
            for (int r = 0; r < rows.count(); r++) {
                var to = new Column(this, panel + (long) first * stepBytes, column + r);
                switch (blocks.format()) {
                    case Q8_0,
                            Q4_0,
                            Q4_1,
                            Q5_0,
                            Q5_1,
                            Q2_K,
                            Q3_K,
                            Q4_K,
                            Q5_K,
                            Q6_K,
                            IQ4_NL,
                            INT8_GROUP64,
                            INT4_GROUP64,
                            INT4_GROUP64_MIN -> to.pack(blocks, rows.first() + r, first, row);
                    case INT8_ROW -> throw new IllegalArgumentException("one scale for a row");
                }
            }
        }
    }

    /** Formats that store a step as panels do: a scale, perhaps a minimum, and the numbers as they are. */
    private boolean isCopied(BlockFormat format) {
        boolean alike = format == BlockFormat.Q8_0 || format == BlockFormat.Q4_0 || format == BlockFormat.Q4_1;
        return alike && ColumnCopy.suits(grouping, columns);
    }

    private void copy(Matrix.Blocks blocks, Rows rows, long panel, int column) {
        java.util.Objects.checkFromIndexSize(rows.first(), rows.count(), blocks.out());
        long memory = HostBuffer.memory(blocks.buffer()).address();
        long distance = blocks.order().step() * blocks.rowBytes();
        int steps = blocks.in() / Grouping.STEP;
        ColumnCopy code = copying.code();
        for (int done = 0; done < rows.count(); ) {
            int row = rows.first() + done;
            int count = blocks.order().stretch(row, rows.count() - done);
            int unit = code.unitColumns();
            int rest = (column + done) % unit;
            int whole = rest == 0 ? count / unit * unit : 0;
            if (whole > 0) {
                code.run(new ColumnCopy.Copy(memory + blocks.at(row), distance, panel, column + done, whole, steps));
                done += whole;
                continue;
            }
            int few = Math.min(count, unit - rest);
            for (int i = 0; i < few; i++) {
                new Column(this, panel, column + done + i).copyNibbles(blocks, row + i, steps);
            }
            done += few;
        }
    }

    /** The code, which is emitted for the first matrix that it copies. */
    static final class Copying {
        private final Grouping grouping;
        private final int columns;
        private final Arena arena;
        private @Nullable ColumnCopy code;

        Copying(Grouping grouping, int columns, Arena arena) {
            this.grouping = grouping;
            this.columns = columns;
            this.arena = arena;
        }

        synchronized ColumnCopy code() {
            ColumnCopy there = code;
            if (there == null) {
                there = ColumnCopy.load(grouping, columns, arena);
                code = there;
            }
            return there;
        }
    }

    /**
     * A column of a panel.
     *
     * @param panel from the step on that is written first
     */
    private record Column(GroupLayout layout, long panel, int column) {

        /** Of the first numbers of the column, from the beginning of a step. */
        private long numbersAt() {
            Grouping g = layout.grouping;
            int half = layout.columns / 2;
            int halfBytes = (g.panelStepBytes(layout.columns) - g.numbersAt(layout.columns)) / 2;
            int bytesEach = switch (g.order()) {
                case FOURS -> 4;
                case PAIRS -> PairOrder.bytesEach(g.bits());
            };
            return g.numbersAt(layout.columns) + (long) (column / half) * halfBytes + (long) column % half * bytesEach;
        }

        /** From a line to the next. */
        private long lineBytes() {
            return 2L * layout.columns;
        }

        /** Flipping the top bit of a number adds the offset, which is that bit. */
        private int flip() {
            return layout.grouping.zero() == Grouping.Zero.OFFSET
                    ? EACH * layout.grouping.bits().offset()
                    : 0;
        }

        /** Nibbles in pairs that are stored with their offset, of all steps. */
        void copyNibbles(Matrix.Blocks blocks, int row, int count) {
            MemorySegment memory = HostBuffer.memory(blocks.buffer());
            Grouping g = layout.grouping;
            int blockBytes = blocks.format().blockBytes();
            boolean minimum = g.zero() == Grouping.Zero.MINIMUM;
            int head = minimum ? 4 : 2;
            long minimaAt = g.minimaAt(layout.columns) + 2L * column;
            long from = blocks.at(row);
            long to = panel;
            for (int i = 0; i < count; i++) {
                Lanes.ALL.set(JAVA_SHORT_UNALIGNED, to + 2L * column, memory.get(JAVA_SHORT_UNALIGNED, from));
                if (minimum) {
                    Lanes.ALL.set(JAVA_SHORT_UNALIGNED, to + minimaAt, memory.get(JAVA_SHORT_UNALIGNED, from + 2));
                }
                PairOrder.copyNibbles(memory, from + head, to + numbersAt());
                from += blockBytes;
                to += g.panelStepBytes(layout.columns);
            }
        }

        /** Any format, by taking it apart; {@code room} is for as many elements as are left, or as a chunk has. */
        void pack(Matrix.Blocks blocks, int row, int first, BlockRow room) {
            Grouping g = layout.grouping;
            room.read(blocks, row, first * Grouping.STEP);
            long stepBytes = g.panelStepBytes(layout.columns);
            for (int from = 0; from < room.values().length; from += Grouping.STEP) {
                long step = panel + from / Grouping.STEP * stepBytes;
                scales(room, from, step);
                long to = step + numbersAt();
                switch (g.order()) {
                    case FOURS -> {
                        switch (g.bits()) {
                            case BYTE -> bytes(room.values(), from, to);
                            case NIBBLE -> nibbles(room.values(), from, to);
                        }
                    }
                    case PAIRS -> PairOrder.pack(g.bits(), room.values(), from, flip(), to);
                }
            }
        }

        private void scales(BlockRow row, int from, long step) {
            Grouping g = layout.grouping;
            for (int group = 0; group < g.groupsPerStep(); group++) {
                int i = (from + group * g.group()) / row.groupElements();
                long at = step + (long) group * g.scaleBytes(layout.columns);
                scale(at, row.scales()[i]);
                if (g.zero() == Grouping.Zero.MINIMUM) {
                    scale(at + g.minimaAt(layout.columns), row.minima()[i]);
                }
            }
        }

        private void scale(long at, float scale) {
            switch (layout.grouping.scales()) {
                case F16 -> Lanes.ALL.set(JAVA_SHORT_UNALIGNED, at + 2L * column, Float.floatToFloat16(scale));
                case F32 -> Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, at + 4L * column, scale);
            }
        }

        private void bytes(byte[] values, int from, long to) {
            int flip = flip();
            for (int i = 0; i < Grouping.STEP; i += 4) {
                Lanes.ALL.set(JAVA_INT_UNALIGNED, to + i / 4 * lineBytes(), four(values, from + i) ^ flip);
            }
        }

        private void nibbles(byte[] values, int from, long to) {
            int flip = flip();
            for (int i = 0; i < Grouping.STEP / 2; i += 4) {
                int low = (four(values, from + i) ^ flip) & LOW_HALVES;
                int high = (four(values, from + Grouping.STEP / 2 + i) ^ flip) & LOW_HALVES;
                Lanes.ALL.set(JAVA_INT_UNALIGNED, to + i / 4 * lineBytes(), low | high << 4);
            }
        }

        private static int four(byte[] values, int from) {
            return (int) FOUR.get(values, from);
        }
    }
}
