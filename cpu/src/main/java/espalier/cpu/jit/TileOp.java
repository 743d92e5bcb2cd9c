package espalier.cpu.jit;

/**
 * The instructions of AMX: tiles of up to 16 rows of 64 bytes in eight registers, whose shapes LDTILECFG sets. All are of
 * VEX form, opcode map 0F38, W0; see Intel's "Software Developer's Manual", volume 1, chapter 18, and volume 2.
 */
public enum TileOp {
    LDTILECFG(Op.Prefix.NONE, 0x49, Form.CONFIGURATION),
    TILERELEASE(Op.Prefix.NONE, 0x49, Form.NOTHING),
    TILEZERO(Op.Prefix.F2, 0x49, Form.TILE),
    /** The rows lie as far apart as the index register says, which must be there. */
    TILELOADD(Op.Prefix.F2, 0x4B, Form.TILE_MEMORY),
    TILESTORED(Op.Prefix.F3, 0x4B, Form.TILE_MEMORY),
    /** Row by row, {@code dst += a * b}: a holds pairs of bf16 along its columns, b along its rows. */
    TDPBF16PS(Op.Prefix.F3, 0x5C, Form.THREE_TILES),
    /** The same with fours of bytes, those of a signed and those of b not, summed as integers of 32 bits. */
    TDPBSUD(Op.Prefix.F3, 0x5E, Form.THREE_TILES);

    /** The operands. */
    enum Form {
        CONFIGURATION,
        NOTHING,
        TILE,
        TILE_MEMORY,
        THREE_TILES
    }

    final Op.Prefix prefix;
    final int opcode;
    final Form form;

    TileOp(Op.Prefix prefix, int opcode, Form form) {
        this.prefix = prefix;
        this.opcode = opcode;
        this.form = form;
    }
}
