package espalier.cpu.jit;

import java.util.Arrays;

/**
 * What the kernels of whole numbers by AMX have in common: memory on the stack for a tile configuration and for tiles that
 * are read again as vectors.
 *
 * <p>The arguments are those of {@link PanelKernels#multiply}. Registers that a callee must keep are pushed and popped.
 */
final class TileFrame {
    static final int X = Asm.RDI;
    static final int X_STRIDE = Asm.RSI;
    static final int PANEL = Asm.RDX;
    static final int STEPS = Asm.RCX;
    static final int OUT = Asm.R8;
    static final int OUT_STRIDE = Asm.R9;
    /** Bytes from one row of a tile to the next, where they follow each other. */
    static final int LINE = Asm.R13;

    static final int TILE_ROWS = 16;
    static final int LINE_BYTES = 64;
    static final int TILE_BYTES = TILE_ROWS * LINE_BYTES;

    private static final int[] SAVED = {Asm.RBX, Asm.RBP, Asm.R12, Asm.R13, Asm.R14, Asm.R15};

    private final Asm asm;
    private final int tiles;

    /** With room for so many tiles on the stack. */
    TileFrame(Asm asm, int tiles) {
        this.asm = asm;
        this.tiles = tiles;
    }

    /** Rows and bytes of each of the eight tiles, of which those of no rows are not used. */
    record Shape(int rows, int bytes) {
        static final Shape NONE = new Shape(0, 0);
    }

    /** Up to where the masks of the two halves of a panel are in k1 and k2, and tiles may be used. */
    void begin(Shape... shapes) {
        Tiles.push(asm, SAVED);
        asm.mov(Asm.RAX, Asm.RSP);
        asm.sub(Asm.RSP, new Asm.Constant(frameBytes()));
        asm.and(Asm.RSP, new Asm.Constant(-LINE_BYTES));
        asm.store(Mem.at(Asm.RSP, frameBytes() - 2 * LINE_BYTES), Asm.RAX);
        asm.kmovw(1, STEPS);
        asm.shiftRight(STEPS, 16);
        asm.kmovw(2, STEPS);
        asm.shiftRight(STEPS, 16);
        configure(shapes);
        asm.constant(LINE, LINE_BYTES);
    }

    /** Room for the tiles, the configuration, the stack pointer before, and for rounding down to a line. */
    private int frameBytes() {
        return tiles * TILE_BYTES + Tiles.CONFIGURATION_BYTES + 3 * LINE_BYTES;
    }

    private void configure(Shape[] used) {
        var shapes = new Shape[8];
        Arrays.fill(shapes, Shape.NONE);
        System.arraycopy(used, 0, shapes, 0, used.length);
        int at = tiles * TILE_BYTES;
        asm.zmm(Op.VPXORD, 0, 0, 0);
        asm.zmm(Op.VMOVDQU32_STORE, 0, Mem.at(Asm.RSP, at));
        store(at, 1);
        for (int i = 0; i < 8; i += 2) {
            store(at + Tiles.WIDTHS_AT + 2 * i, shapes[i].bytes | (shapes[i + 1].bytes << 16));
        }
        for (int i = 0; i < 8; i += 4) {
            int four = 0;
            for (int j = 0; j < 4; j++) {
                four |= shapes[i + j].rows << (8 * j);
            }
            store(at + Tiles.HEIGHTS_AT + i, four);
        }
        asm.tile(TileOp.LDTILECFG, 0, Mem.at(Asm.RSP, at));
    }

    private void store(int at, int value) {
        asm.constant(Asm.RAX, value);
        asm.store32(Mem.at(Asm.RSP, at), Asm.RAX);
    }

    /** That line of a tile on the stack. */
    static Mem line(int tile, int line) {
        return Mem.at(Asm.RSP, tile * TILE_BYTES + line * LINE_BYTES);
    }

    /** The whole of it, for a tile's load or store. */
    static Mem tile(int tile) {
        return Mem.at(Asm.RSP, LINE, 1, tile * TILE_BYTES);
    }

    void end() {
        asm.tile(TileOp.TILERELEASE, 0, 0, 0);
        asm.load(Asm.RSP, Mem.at(Asm.RSP, frameBytes() - 2 * LINE_BYTES));
        Tiles.popAndReturn(asm, SAVED);
    }
}
