package espalier.cuda.sim;

/**
 * From opcode and operand texts to an {@link Instruction} (PTX ISA 9.7 "Instructions"). What this class, those that it
 * hands on to and the tables of {@link Alu} list is what the simulator knows; a form that differs in a qualifier is
 * another form, and an unknown one is refused, never skipped.
 */
final class Decoder {
    private final PtxParser parser;
    private final ArithmeticDecoder arithmetic;
    private final AccessDecoder accesses;
    private final CollectiveDecoder collectives;
    private final MatrixDecoder matrices;
    private final CopyDecoder copies;

    Decoder(PtxParser parser, Registers names) {
        this.parser = parser;
        arithmetic = new ArithmeticDecoder(names);
        accesses = new AccessDecoder(names);
        collectives = new CollectiveDecoder(names);
        matrices = new MatrixDecoder(names);
        copies = new CopyDecoder(names);
    }

    /** A new instruction, or {@link PtxParser.Unsupported}. {@code o}: operands. */
    Instruction decode(String op, String[] o) {
        Instruction in = arithmetic.decode(op, o);
        if (in == null) {
            in = other(op, o);
        }
        if (in == null) {
            throw new PtxParser.Unsupported("opcode " + op);
        }
        return in;
    }

    private Instruction other(String op, String[] o) {
        return switch (op.split("\\.", 2)[0]) {
            case "bra" -> {
                var branch = new Instruction(Instruction.Kind.BRANCH, null, null);
                parser.jump(branch, o[0]);
                yield branch;
            }
            case "ret" -> parser.inFunction() ? parser.jumpToReturn() : exit();
            case "exit" -> exit();
            case "trap" ->
                Instruction.plain((w, in, m) -> {
                    w.report(Finding.Kind.DEADLOCK, in, "trap");
                    throw new Block.Stopped();
                });
            case "ld", "ldu", "st", "atom", "red", "cvta" ->
                op.startsWith("st.async") ? copies.storeAsync(op, o) : accesses.decode(op, o);
            case "ldmatrix", "stmatrix", "movmatrix", "mma", "wgmma" -> matrices.decode(op, o);
            case "cp", "mbarrier", "prefetch", "prefetchu", "createpolicy", "applypriority", "discard" ->
                copies.decode(op, o);
            default -> collectives.decode(op, o);
        };
    }

    static Instruction exit() {
        return new Instruction(Instruction.Kind.EXIT, null, (w, in, m) -> w.live &= ~m);
    }
}
