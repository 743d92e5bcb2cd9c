package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import espalier.cpu.jit.Grouping;
import espalier.tensor.BlockFormat;
import espalier.tensor.Matrix;
import espalier.tensor.host.BlockRow;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Panels of {@link Grouping}s, from every block format whose numbers and scales they hold exactly.
 *
 * @param columns of a panel
 */
record GroupLayout(Grouping grouping, Set<BlockFormat> formats, int columns) implements PanelProduct.Layout {

    /**
     * Layouts for all block formats, except the one that has a scale for a whole row.
     *
     * @param signedBytes how bytes without a minimum are stored: offset or signed
     */
    static List<GroupLayout> all(int columns, Grouping.Zero signedBytes) {
        var all = new LinkedHashMap<Grouping, Set<BlockFormat>>();
        for (BlockFormat format : BlockFormat.values()) {
            if (format != BlockFormat.INT8_ROW) {
                all.computeIfAbsent(grouping(format, signedBytes), g -> EnumSet.noneOf(BlockFormat.class))
                        .add(format);
            }
        }
        var layouts = new ArrayList<GroupLayout>();
        all.forEach((grouping, formats) -> layouts.add(new GroupLayout(grouping, formats, columns)));
        return layouts;
    }

    private static Grouping grouping(BlockFormat format, Grouping.Zero signedBytes) {
        int group = Math.min(Grouping.STEP, format.groupElements(format.blockElements()));
        // What takes 4 bits as it is, or once the offset of nibbles is added.
        boolean nibbles = format.lowest() >= (format.hasMinimum() ? 0 : -8) && format.highest() - format.lowest() <= 15;
        boolean twoLevels = format.blockElements() > 64;
        return new Grouping(
                nibbles ? Grouping.Bits.NIBBLE : Grouping.Bits.BYTE,
                group,
                twoLevels ? Grouping.Scales.F32 : Grouping.Scales.F16,
                format.hasMinimum() ? Grouping.Zero.MINIMUM : nibbles ? Grouping.Zero.OFFSET : signedBytes);
    }

    /** For the log: the formats. */
    String name() {
        return formats.stream().map(Enum::name).collect(Collectors.joining(", "));
    }

    @Override
    public boolean takes(Matrix stored) {
        return stored instanceof Matrix.Blocks b && formats.contains(b.format());
    }

    @Override
    public void pack(Matrix stored, int row, MemorySegment panel, int column) {
        BlockRow r = BlockRow.of((Matrix.Blocks) stored, row);
        long stepBytes = grouping.panelStepBytes(columns);
        for (int from = 0; from < stored.in(); from += Grouping.STEP) {
            MemorySegment step = panel.asSlice(from / Grouping.STEP * stepBytes, stepBytes);
            for (int group = 0; group < grouping.groupsPerStep(); group++) {
                int g = (from + group * grouping.group()) / r.groupElements();
                long at = (long) group * grouping.scaleBytes(columns);
                scale(step, at, column, r.scales()[g]);
                if (grouping.zero() == Grouping.Zero.MINIMUM) {
                    scale(step, grouping.minimaAt(columns) + at, column, r.minima()[g]);
                }
            }
            switch (grouping.bits()) {
                case BYTE -> bytes(r.values(), from, step, column);
                case NIBBLE -> nibbles(r.values(), from, step, column);
            }
        }
    }

    private void scale(MemorySegment step, long at, int column, float scale) {
        switch (grouping.scales()) {
            case F16 -> step.set(JAVA_SHORT_UNALIGNED, at + 2L * column, Float.floatToFloat16(scale));
            case F32 -> step.set(JAVA_FLOAT_UNALIGNED, at + 4L * column, scale);
        }
    }

    /** What is added to a number to make it unsigned. */
    private int offset() {
        return switch (grouping.zero()) {
            case OFFSET -> grouping.bits().offset();
            case SIGNED, MINIMUM -> 0;
        };
    }

    /** Of a column in the first of its half's lines. */
    private long at(int column, int lines) {
        int half = columns / 2;
        return grouping.numbersAt(columns) + (long) (column / half) * lines * 4 * half + column % half * 4L;
    }

    private void bytes(byte[] values, int from, MemorySegment step, int column) {
        long at = at(column, Grouping.STEP / 4);
        for (int i = 0; i < Grouping.STEP; i += 4) {
            int four = 0;
            for (int j = 0; j < 4; j++) {
                four |= ((values[from + i + j] + offset()) & 0xff) << (8 * j);
            }
            step.set(JAVA_INT_UNALIGNED, at + i / 4 * 2L * columns, four);
        }
    }

    private void nibbles(byte[] values, int from, MemorySegment step, int column) {
        long at = at(column, Grouping.STEP / 8);
        int high = from + Grouping.STEP / 2;
        for (int i = 0; i < Grouping.STEP / 2; i++) {
            int both = (values[from + i] + offset()) | (values[high + i] + offset()) << 4;
            step.set(JAVA_BYTE, at + i / 4 * 2L * columns + i % 4, (byte) both);
        }
    }
}
