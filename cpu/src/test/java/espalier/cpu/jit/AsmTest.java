package espalier.cpu.jit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Holds {@link Asm} against binutils: every instruction form with random registers, offsets and constants, disassembled
 * by objdump and compared as text.
 */
class AsmTest {
    private static final int ROUNDS = 100;
    private static final List<String> GENERAL =
            List.of("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" "));

    private final SplittableRandom random = new SplittableRandom(1);
    private final Asm asm = new Asm();
    private final List<String> expected = new ArrayList<>();

    @Test
    void aDisassemblerReadsEveryFormAsItWasMeant(@TempDir Path folder) throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            for (Op op : Op.values()) {
                for (Op.Encoding encoding : Op.Encoding.values()) {
                    vector(op, encoding, false);
                    vector(op, encoding, true);
                }
            }
            scalar();
            tiles();
        }
        List<String> actual;
        try {
            actual = disassemble(folder.resolve("code.bin"));
        } catch (IOException e) {
            System.out.println("AsmTest: no objdump here (" + e.getMessage() + "), nothing was compared");
            return;
        }
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.get(i)).as("instruction %d", i).isEqualTo(expected.get(i));
        }
    }

    @Test
    void formsThatDoNotExistAreRefused() {
        Mem m = Mem.at(Asm.RDI, 0);
        assertThatThrownBy(() -> asm.ymm(Op.VDPBF16PS, 0, 1, 2)).hasMessageContaining("no such form");
        assertThatThrownBy(() -> asm.zmm(Op.VMASKMOVPS, 0, 1, m)).hasMessageContaining("no such form");
        assertThatThrownBy(() -> asm.ymm(Op.VADDPS, 0, 1, m.inAllLanes())).hasMessageContaining("no such form");
        assertThatThrownBy(() -> asm.zmm(Op.VMOVUPS, 0, m.inAllLanes())).hasMessageContaining("no such form");
        assertThatThrownBy(() -> Mem.at(Asm.RDI, Asm.RSP, 1, 0)).hasMessageContaining("rsp");
    }

    private void vector(Op op, Op.Encoding encoding, boolean memory) {
        boolean general = op.kind == Op.Kind.GENERAL_REGISTER;
        boolean shift = op.form == Op.Form.SHIFT_D_M_I;
        boolean vex = encoding.isVex();
        boolean tooNarrow = encoding.bits() == 128
                && List.of(Op.VSHUFF32X4, Op.VPERMD, Op.VPERM2F128, Op.VINSERTF128)
                        .contains(op);
        tooNarrow |=
                encoding.bits() < 512 && List.of(Op.VCVTPS2PHX, Op.VINSERTI32X4).contains(op);
        boolean onlyMemory = op.name().startsWith("VMASKMOV") || op == Op.VMOVD_STORE;
        boolean tooWide = (op == Op.VMOVD_STORE || op == Op.VMOVD) && encoding.bits() != 128;
        if (op.name(encoding).isEmpty()
                || tooNarrow
                || tooWide
                || memory && (general || shift && vex)
                || !memory && onlyMemory) {
            return; // does not exist
        }
        int dst = random.nextInt(encoding.registers());
        int src = op.form.hasSource() ? random.nextInt(encoding.registers()) : 0;
        int rm = random.nextInt(general ? 16 : encoding.registers());
        int constant = random.nextInt(256);
        Mem m = memory(op.kind.bytes(encoding.bits()));
        if (!vex && op.kind == Op.Kind.REPEATABLE && random.nextBoolean()) {
            m = m.inAllLanes();
        }
        boolean mayMask = memory && !vex && op.name().startsWith("VMOV") && op != Op.VMOVD_STORE;
        if (mayMask && random.nextBoolean()) {
            m = m.masked(random.nextInt(1, 8));
        }
        Asm.M operand = memory ? new Asm.M.Memory(m) : new Asm.M.Register(rm);
        asm.vector(op, encoding, new Asm.Operands(dst, src, operand, constant));
        expected.add(text(op, encoding, new Asm.Operands(dst, src, operand, constant)));
    }

    private static String text(Op op, Op.Encoding encoding, Asm.Operands o) {
        int bits = op.kind.bytes(encoding.bits()) * 8;
        String mask = "";
        String m;
        switch (o.m()) {
            case Asm.M.Register(int number) ->
                m = op.kind == Op.Kind.GENERAL_REGISTER ? low(number) : vectorName(bits, number);
            case Asm.M.Memory(Mem at) -> {
                m = (at.isRepeated() ? "DWORD BCST " : size(bits) + " PTR ") + text(at);
                mask = at.mask() == 0 ? "" : "{k" + at.mask() + "}";
            }
        }
        String dst = vectorName(encoding.bits() / (op == Op.VCVTPS2PHX ? 2 : 1), o.dst());
        String src = vectorName(encoding.bits(), o.src());
        String operands = switch (op.form) {
            case D_M, D_M_I, SHIFT_D_M_I -> dst + mask + (mask.isEmpty() ? "" : "{z}") + "," + m;
            case M_D -> m + mask + "," + dst;
            case M_S_D -> m + "," + src + "," + dst;
            case D_S_M, D_S_M_I -> dst + "," + src + "," + m;
        };
        String constant = op.form.hasConstant() ? ",0x" + Integer.toHexString(o.constant()) : "";
        return op.name(encoding) + " " + operands + constant;
    }

    private void scalar() {
        int d = random.nextInt(16);
        int s = random.nextInt(16);
        int value = random.nextInt() >> random.nextInt(32);
        Mem m = memory(1);
        String at = text(m);
        String dst = GENERAL.get(d);
        String both = dst + "," + GENERAL.get(s);
        String withConstant = dst + ",0x" + Long.toHexString(value);
        var constant = new Asm.Constant(value);
        expect("mov " + both, () -> asm.mov(d, s));
        expect("mov " + dst + ",QWORD PTR " + at, () -> asm.load(d, m));
        expect("mov " + low(d) + ",DWORD PTR " + at, () -> asm.load32(d, m));
        expect("movzx " + low(d) + ",WORD PTR " + at, () -> asm.load16(d, m));
        expect("mov WORD PTR " + at + "," + lowest(s), () -> asm.store16(m, s));
        expect("imul " + both + ",0x" + Long.toHexString(value), () -> asm.multiply(d, s, constant));
        expect("mov QWORD PTR " + at + "," + GENERAL.get(s), () -> asm.store(m, s));
        expect("mov DWORD PTR " + at + "," + low(s), () -> asm.store32(m, s));
        expect("mov " + low(d) + ",0x" + Integer.toHexString(value), () -> asm.constant(d, value));
        expect("lea " + dst + "," + at, () -> asm.lea(d, m));
        expect("add " + both, () -> asm.add(d, s));
        expect("sub " + both, () -> asm.sub(d, s));
        expect("cmp " + both, () -> asm.cmp(d, s));
        expect("add " + withConstant, () -> asm.add(d, constant));
        expect("sub " + withConstant, () -> asm.sub(d, constant));
        expect("and " + withConstant, () -> asm.and(d, constant));
        expect("xor " + withConstant, () -> asm.xor(d, constant));
        expect("cmp " + withConstant, () -> asm.cmp(d, constant));
        expect("shr " + dst + ",0x" + Integer.toHexString(2 + d), () -> asm.shiftRight(d, 2 + d));
        expect("prefetcht0 BYTE PTR " + at, () -> asm.prefetchT0(m));
        expect("prefetcht1 BYTE PTR " + at, () -> asm.prefetchT1(m));
        expect("ldmxcsr DWORD PTR " + at, () -> asm.narrow(2, m, 0x0F, 0xAE));
        expect("stmxcsr DWORD PTR " + at, () -> asm.narrow(3, m, 0x0F, 0xAE));
        expect("push " + dst, () -> asm.push(d));
        expect("pop " + dst, () -> asm.pop(d));
        expect("kmovw k" + d % 8 + "," + low(s % 8), () -> asm.kmovw(d % 8, s % 8));
        int back = random.nextInt(asm.position());
        expect("jne 0x" + Integer.toHexString(back), () -> asm.jump(Asm.Condition.NOT_EQUAL, back));
        expect("vzeroupper", asm::vzeroupper);
        expect("cpuid", asm::cpuid);
        expect("xgetbv", asm::xgetbv);
        int index = expected.size();
        Asm.Jump ahead = asm.jump(Asm.Condition.BELOW);
        expect("ret", asm::ret);
        asm.land(ahead);
        expected.add(index, "jb 0x" + Integer.toHexString(asm.position()));
        asm.put(0x90); // what the jump goes to
        expected.add("nop");
    }

    private void tiles() {
        int t = random.nextInt(8);
        int a = (t + random.nextInt(1, 4)) % 8; // the three must differ
        int b = (t + random.nextInt(4, 8)) % 8;
        Mem m = memory(1);
        expect("ldtilecfg " + text(m), () -> asm.tile(TileOp.LDTILECFG, 0, m));
        expect("tilerelease", () -> asm.tile(TileOp.TILERELEASE, 0, 0, 0));
        expect("tilezero tmm" + t, () -> asm.tile(TileOp.TILEZERO, t, 0, 0));
        String operands = " tmm" + t + ",tmm" + a + ",tmm" + b;
        expect("tdpbf16ps" + operands, () -> asm.tile(TileOp.TDPBF16PS, t, a, b));
        expect("tdpbsud" + operands, () -> asm.tile(TileOp.TDPBSUD, t, a, b));
        if (m.isIndexed()) {
            expect("tileloadd tmm" + t + "," + text(m), () -> asm.tile(TileOp.TILELOADD, t, m));
            expect("tilestored " + text(m) + ",tmm" + t, () -> asm.tile(TileOp.TILESTORED, t, m));
        } else {
            assertThatThrownBy(() -> asm.tile(TileOp.TILELOADD, t, m)).hasMessageContaining("distance of rows");
        }
    }

    private void expect(String text, Runnable emit) {
        emit.run();
        expected.add(text);
    }

    private List<String> disassemble(Path file) throws IOException {
        Files.write(file, asm.bytes());
        var objdump = new ProcessBuilder(
                        "objdump",
                        "-D",
                        "-b",
                        "binary",
                        "-m",
                        "i386:x86-64",
                        "-M",
                        "intel",
                        "--no-show-raw-insn",
                        file.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        return new String(objdump.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII)
                .lines()
                .filter(line -> line.matches(" *[0-9a-f]+:\t.*"))
                .map(line -> line.replaceAll(".*\t|\\{e?vex\\} ", "")
                        .replaceAll(" +", " ")
                        .strip())
                .toList();
    }

    /** A random address, with offsets of every encoded length, on and off the operand's own step. */
    private Mem memory(int step) {
        int base = random.nextInt(16);
        int index = random.nextInt(-4, 16);
        int offset = switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> step * random.nextInt(-130, 130);
            case 2 -> random.nextInt(-200, 200);
            default -> random.nextInt();
        };
        return index >= 0 && index != Asm.RSP
                ? Mem.at(base, index, 1 << random.nextInt(4), offset)
                : Mem.at(base, offset);
    }

    private static String text(Mem m) {
        String index = m.isIndexed() ? "+" + GENERAL.get(m.index()) + "*" + m.scale() : "";
        String offset = m.offset() < 0
                ? "-0x" + Integer.toHexString(-m.offset())
                : m.offset() > 0 || (m.base() & 7) == Asm.RBP ? "+0x" + Integer.toHexString(m.offset()) : "";
        return "[" + GENERAL.get(m.base()) + index + offset + "]";
    }

    private static String low(int general) {
        return general < 8 ? "e" + GENERAL.get(general).substring(1) : GENERAL.get(general) + "d";
    }

    private static String lowest(int general) {
        return general < 8 ? GENERAL.get(general).substring(1) : GENERAL.get(general) + "w";
    }

    private static String size(int bits) {
        return switch (bits) {
            case 32 -> "DWORD";
            case 64 -> "QWORD";
            default -> vectorName(bits, 0).toUpperCase(Locale.ROOT).replace("0", "WORD");
        };
    }

    private static String vectorName(int bits, int number) {
        return (bits == 512 ? "zmm" : bits == 256 ? "ymm" : "xmm") + number;
    }
}
