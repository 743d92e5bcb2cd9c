package espalier.cpu.jit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** How a kernel with tiles begins and ends, and the memory that says which shapes its tiles have. */
final class Tiles {
    static final int CONFIGURATION_BYTES = 64;
    /** Where the bytes of a row stand for each tile, two each, and its rows, one each. */
    static final int WIDTHS_AT = 16;

    static final int HEIGHTS_AT = 48;

    /** What a callee must keep and kernels here use. */
    private static final int[] SAVED = {Asm.RBX, Asm.R12, Asm.R13, Asm.R14, Asm.R15};

    private Tiles() {}

    /** Makes zeroed memory a configuration of which no tile is used yet. */
    static void configure(MemorySegment configuration) {
        configuration.set(ValueLayout.JAVA_BYTE, 0, (byte) 1); // the only palette there is
    }

    static void shape(MemorySegment configuration, int tile, int rows, int bytes) {
        configuration.set(ValueLayout.JAVA_SHORT, WIDTHS_AT + 2L * tile, (short) bytes);
        configuration.set(ValueLayout.JAVA_BYTE, HEIGHTS_AT + (long) tile, (byte) rows);
    }

    /**
     * Saves registers and shapes the tiles. From here to {@link #leave} a kernel has RBX and R12 to R15 for itself.
     *
     * @param configuration the address of one; RAX is used to read it
     */
    static void enter(Asm asm, Mem configuration) {
        push(asm, SAVED);
        asm.load(Asm.RAX, configuration);
        asm.tile(TileOp.LDTILECFG, 0, Mem.at(Asm.RAX, 0));
    }

    /** Undoes {@link #enter} and returns. */
    static void leave(Asm asm) {
        asm.tile(TileOp.TILERELEASE, 0, 0, 0);
        popAndReturn(asm, SAVED);
    }

    static void push(Asm asm, int[] registers) {
        for (int register : registers) {
            asm.push(register);
        }
    }

    static void popAndReturn(Asm asm, int[] pushed) {
        for (int i = pushed.length - 1; i >= 0; i--) {
            asm.pop(pushed[i]);
        }
        asm.vzeroupper();
        asm.ret();
    }
}
