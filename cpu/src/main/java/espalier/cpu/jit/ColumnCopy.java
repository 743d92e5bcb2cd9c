package espalier.cpu.jit;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Copies stored blocks to columns of a panel, where both hold the same bytes in another order: scales (and minima) of 16
 * bits in front, then numbers. A server starts with this, and by machine code it starts at the speed of memory at once: Java
 * would first have to be compiled, by threads that want the same cores.
 *
 * <p>The columns of a step are written one after another, so the panel is written in order while as many rows are read as
 * it has columns; these are fetched ahead. Where a panel's half has pairs of bytes of 16 columns, which only processors with
 * AVX-512 are given, {@link HalfCopy} does it with a fifth of the instructions.
 */
public final class ColumnCopy {
    private static final int ROW = Asm.R10;
    private static final int NUMBERS = Asm.R11;
    private static final int SCALES = Asm.RBX;
    private static final int LEFT = Asm.R12;
    /** How far ahead in its row a block is fetched. */
    private static final int AHEAD = 512;

    private static final int SCALE_BYTES = 2;
    /** One in each byte. */
    private static final int EACH = 0x01010101;

    private final Grouping grouping;
    private final int columns;
    private final Unit unit;
    private final Code.Kernel kernel;
    private final Code.@Nullable Kernel halves;

    /**
     * How a column's numbers of a step lie.
     *
     * @param bytes that stay together
     * @param distance from such a piece to the next one of the column
     */
    private record Unit(int bytes, int distance) {}

    private ColumnCopy(Grouping grouping, int columns, Unit unit, Code.Kernel kernel, Code.@Nullable Kernel halves) {
        this.grouping = grouping;
        this.columns = columns;
        this.unit = unit;
        this.kernel = kernel;
        this.halves = halves;
    }

    /**
     * Whether panels hold a format's bytes or nibbles in another order, given that it stores 16-bit scales and such numbers.
     */
    public static boolean suits(Grouping g, int columns) {
        return copiesBytes(g) || HalfCopy.suits(g, columns);
    }

    /** Nibbles in pairs are put together anew. */
    private static boolean copiesBytes(Grouping g) {
        boolean whole = g.bits() == Grouping.Bits.BYTE || g.order() == Grouping.Order.FOURS;
        return whole && g.scales() == Grouping.Scales.F16 && g.groupsPerStep() == 1;
    }

    /** How many columns have to be copied together, the first of which is a multiple of that. */
    public int unitColumns() {
        return copiesBytes(grouping) ? 1 : columns / 2;
    }

    /**
     * Emits the code, which lives as long as the arena.
     *
     * @param columns of a panel
     */
    public static ColumnCopy load(Grouping grouping, int columns, Arena arena) {
        Unit unit = switch (grouping.order()) {
            case FOURS -> new Unit(4, 2 * columns);
            case PAIRS -> new Unit(2, columns);
        };
        var asm = new Asm();
        if (copiesBytes(grouping)) {
            asm.begin("copy of blocks to panels, " + grouping);
            new Emitter(asm, grouping, columns, unit).emit();
        }
        boolean halves = HalfCopy.suits(grouping, columns);
        int halvesAt = 0;
        if (halves) {
            halvesAt = asm.begin("copy of blocks to halves of panels, " + grouping);
            new HalfCopy(asm, grouping).emit();
        }
        Code code = Code.load(asm, arena);
        return new ColumnCopy(grouping, columns, unit, code.at(0), halves ? code.at(halvesAt) : null);
    }

    /**
     * What is copied.
     *
     * @param from the first block of the first row
     * @param rowBytes from a row to the next
     * @param panel its first step
     * @param column that the first row becomes; the rows after it become the next ones of the panel
     */
    public record Copy(long from, long rowBytes, long panel, int column, int rows, int steps) {}

    /** Whoever calls has checked that everything lies in memory, and that columns are whole {@link #unitColumns}. */
    public void run(Copy c) {
        int half = columns / 2;
        for (int row = 0; row < c.rows; ) {
            int column = c.column + row;
            int count = Math.min(c.rows - row, half - column % half);
            long numbers = grouping.numbersAt(columns)
                    + (long) (column / half) * half * grouping.bits().stepBytes()
                    + (long) (column % half) * unit.bytes;
            long scales = c.panel + (long) SCALE_BYTES * column;
            Code.Kernel by = halves != null && count == half ? halves : kernel;
            by.call(c.from + row * c.rowBytes, c.rowBytes, scales, c.panel + numbers, count, c.steps);
            row += count;
        }
    }

    /** {@code (from, bytes of a row, scales, numbers, columns, steps)}. */
    private record Emitter(Asm asm, Grouping grouping, int columns, Unit unit) {
        void emit() {
            asm.push(SCALES);
            asm.push(LEFT);
            int step = asm.position();
            asm.mov(ROW, Asm.RDI);
            asm.mov(SCALES, Asm.RDX);
            asm.mov(NUMBERS, Asm.RCX);
            asm.mov(LEFT, Asm.R8);
            int column = asm.position();
            int blockBytes = column();
            asm.add(ROW, Asm.RSI);
            asm.add(SCALES, new Asm.Constant(SCALE_BYTES));
            asm.add(NUMBERS, new Asm.Constant(unit.bytes));
            asm.sub(LEFT, new Asm.Constant(1));
            asm.jump(Asm.Condition.NOT_EQUAL, column);
            asm.add(Asm.RDI, new Asm.Constant(blockBytes));
            asm.add(Asm.RDX, new Asm.Constant(grouping.panelStepBytes(columns)));
            asm.add(Asm.RCX, new Asm.Constant(grouping.panelStepBytes(columns)));
            asm.sub(Asm.R9, new Asm.Constant(1));
            asm.jump(Asm.Condition.NOT_EQUAL, step);
            asm.pop(LEFT);
            asm.pop(SCALES);
            asm.ret();
        }

        /** One block; returns its bytes. */
        private int column() {
            asm.prefetchT0(Mem.at(ROW, AHEAD));
            int at = 0;
            move(2, at, Mem.at(SCALES, 0), 0);
            at += SCALE_BYTES;
            if (grouping.zero() == Grouping.Zero.MINIMUM) {
                move(2, at, Mem.at(SCALES, grouping.minimaAt(columns)), 0);
                at += SCALE_BYTES;
            }
            boolean offset = grouping.bits() == Grouping.Bits.BYTE && grouping.zero() == Grouping.Zero.OFFSET;
            int flip = offset ? EACH * grouping.bits().offset() : 0;
            for (int i = 0; i < grouping.bits().stepBytes() / unit.bytes; i++) {
                move(unit.bytes, at, Mem.at(NUMBERS, i * unit.distance), flip);
                at += unit.bytes;
            }
            return at;
        }

        private void move(int bytes, int from, Mem to, int flip) {
            Mem source = Mem.at(ROW, from);
            if (bytes == 2) {
                asm.load16(Asm.RAX, source);
                asm.store16(to, Asm.RAX);
            } else {
                asm.load32(Asm.RAX, source);
                if (flip != 0) {
                    asm.xor(Asm.RAX, new Asm.Constant(flip));
                }
                asm.store32(to, Asm.RAX);
            }
        }
    }
}
