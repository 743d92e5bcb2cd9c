package espalier.cuda.sim;

import espalier.cuda.sim.Fragments.Element;
import espalier.cuda.sim.MatrixUnit.Product;
import espalier.cuda.sim.MatrixUnit.Sum;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** mma, ldmatrix, stmatrix, movmatrix, wgmma (PTX ISA 9.7.14, 9.7.15). */
final class MatrixDecoder {
    private static final Pattern MMA = Pattern.compile(
            "mma\\.sync\\.aligned\\.m(8|16)n8k(4|8|16|32)\\.row\\.col(\\.satfinite)?\\.(f32|f16|s32)\\.(\\w+)\\.(\\w+)\\.(f32|f16|s32)");
    private static final Pattern WGMMA =
            Pattern.compile("wgmma\\.mma_async\\.sync\\.aligned\\.m64n(\\d+)k(8|16|32)\\.f32\\.(\\w+)\\.(\\w+)");
    private static final Pattern MATRICES =
            Pattern.compile("(ld|st)matrix\\.sync\\.aligned\\.m8n8\\.x[124](\\.trans)?\\.shared(::cta)?\\.b16");
    private final Registers names;

    MatrixDecoder(Registers names) {
        this.names = names;
    }

    Instruction decode(String op, String[] o) {
        if (MATRICES.matcher(op).matches()) {
            return memory(op.startsWith("ld"), op.contains(".trans"), o);
        }
        if (op.equals("movmatrix.sync.aligned.m8n8.trans.b16")) {
            int d = names.i(o[0]), a = names.i(o[1]);
            return Instruction.collective(Instruction.ALL, (w, in, m) -> MatrixUnit.transpose(w, d, a));
        }
        return op.startsWith("mma.") ? product(op, o) : op.startsWith("wgmma.") ? groups(op, o) : null;
    }

    private Instruction memory(boolean load, boolean transposed, String[] o) {
        int[] registers = names.vector(o[load ? 0 : 1]);
        var address = Registers.address(o[load ? 1 : 0]);
        boolean wide = names.isWide(address.base());
        int from = wide ? names.q(address.base()) : names.i(address.base());
        return Instruction.collective(Instruction.ALL, (w, in, m) -> {
            long[] at = w.addresses(from, wide, address.offset());
            if (load) {
                w.block.matrixUnit.load(w, in, m, registers, at, transposed);
            } else {
                w.block.matrixUnit.store(w, in, m, registers, at, transposed);
            }
        });
    }

    private Instruction product(String op, String[] o) {
        Matcher form = MMA.matcher(op);
        if (!form.matches() || form.group(3) != null || !form.group(4).equals(form.group(7))) {
            return null;
        }
        int rows = Integer.parseInt(form.group(1)), k = Integer.parseInt(form.group(2));
        Element left = Element.of(form.group(5)), right = Element.of(form.group(6));
        Sum sum = Sum.valueOf(form.group(4).toUpperCase(java.util.Locale.ROOT));
        if (left == null || right == null || left.bits != right.bits || left.isInteger() != (sum == Sum.S32)) {
            return null;
        }
        var p = new Product(
                names.vector(o[0]),
                names.vector(o[1]),
                names.vector(o[2]),
                names.vector(o[3]),
                rows,
                k,
                left,
                right,
                sum);
        int e = left.perRegister(), sums = rows * 8 / 32 / (sum == Sum.F16 ? 2 : 1);
        if (p.a().length != rows * k / 32 / e || p.b().length != 8 * k / 32 / e || p.c().length != sums) {
            return null;
        }
        return Instruction.collective(Instruction.ALL, (w, in, m) -> w.block.matrixUnit.multiply(w, in, m, p));
    }

    private Instruction groups(String op, String[] o) {
        Matcher form = WGMMA.matcher(op);
        if (form.matches()) {
            return asynchronous(form, o);
        }
        int n = op.startsWith("wgmma.wait_group") ? Integer.parseInt(o[0]) : 0;
        return switch (op) {
            case "wgmma.fence.sync.aligned" -> Instruction.plain((w, in, m) -> w.products.fence());
            case "wgmma.commit_group.sync.aligned" -> Instruction.plain((w, in, m) -> w.products.commit());
            case "wgmma.wait_group.sync.aligned" -> Instruction.plain((w, in, m) -> w.products.await(n));
            default -> null;
        };
    }

    private Instruction asynchronous(Matcher form, String[] o) {
        Element element = Element.of(form.group(3));
        int n = Integer.parseInt(form.group(1)), k = Integer.parseInt(form.group(2));
        if (element == null
                || !form.group(3).equals(form.group(4))
                || element.isInteger()
                || k * element.bits != 256
                || n % 8 != 0) {
            return null;
        }
        boolean registers = o[1].startsWith("{");
        List<String> scales = List.of(o).subList(4, o.length); // signs of A and B; which of them are MN-major
        boolean transposed = element.bits == 16 && scales.getLast().equals("1");
        List<String> known = element.bits != 16
                ? List.of("1", "1")
                : registers
                        ? List.of("1", "1", transposed ? "1" : "0")
                        : List.of("1", "1", "0", transposed ? "1" : "0");
        if (!scales.equals(known)) {
            throw new PtxParser.Unsupported("signs or layouts " + scales);
        }
        int[] d = names.vector(o[0]);
        names.begin(); // wgmmas in a row may use the same accumulators, though not as A
        int[] a = registers ? names.vector(o[1]) : null;
        var operands = new MatrixGroups.Operands(
                d, a, registers ? 0 : names.q(o[1]), names.q(o[2]), names.p(o[3]), n, transposed, element);
        return Instruction.collective(Instruction.ALL, (w, in, m) -> w.products.issue(in, m, operands));
    }
}
