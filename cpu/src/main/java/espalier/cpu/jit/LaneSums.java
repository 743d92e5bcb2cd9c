package espalier.cpu.jit;

/**
 * Combines the lanes of a register.
 *
 * @param spare a register to shuffle into
 */
record LaneSums(Asm asm, int spare) {
    /** Combines all 16 lanes by an instruction, in a fixed tree, and leaves the result in each. */
    void combine(Op op, int register) {
        for (int order : new int[] {0x4E, 0xB1}) { // swap the halves, then the quarters of each half
            asm.zmm(Op.VSHUFF32X4, spare, register, register, new Asm.Constant(order));
            asm.zmm(op, register, register, spare);
        }
        for (int order : new int[] {0x4E, 0xB1}) { // the same within the quarters
            asm.zmm(Op.VPSHUFD, spare, 0, register, new Asm.Constant(order));
            asm.zmm(op, register, register, spare);
        }
    }
}
