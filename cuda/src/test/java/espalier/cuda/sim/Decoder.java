package espalier.cuda.sim;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * From opcode and operand texts to an {@link Instruction} (PTX ISA 9.7 "Instructions"): what is listed here and in
 * {@link Alu} is what the simulator knows; a form that differs in a qualifier is another form. Null means unknown.
 */
final class Decoder {
    private static final Pattern WGMMA =
            Pattern.compile("wgmma\\.mma_async\\.sync\\.aligned\\.m64n(\\d+)k16\\.f32\\.bf16\\.bf16");
    private static final String TO_SHARED = "\\.shared::cluster\\.global(\\.tile)?\\.mbarrier::complete_tx::bytes";
    private static final Pattern TENSOR_LOAD =
            Pattern.compile("cp\\.async\\.bulk\\.tensor\\.([1-5])d" + TO_SHARED + "(\\.L2::cache_hint)?");
    private static final Pattern BULK_LOAD = Pattern.compile("cp\\.async\\.bulk" + TO_SHARED + "(\\.L2::cache_hint)?");
    /** What reads ahead into a cache, or says how a cache may treat it: no effect here. */
    private static final Pattern HINT = Pattern.compile("prefetch\\.tensormap|createpolicy\\.fractional\\..*|"
            + "cp\\.async\\.bulk\\.prefetch\\.(tensor\\.[1-5]d\\.)?L2\\.global(\\.tile)?");

    private static final Pattern STRONG = Pattern.compile("(ld|st|atom|red)(\\.(relaxed|acquire|release|acq_rel))?"
            + "(\\.(gpu|sys|cluster))?\\.global(\\.(add|exch|min|max|and|or|inc))?(\\.v2)?\\.([busf])(32|64)");
    private static final Pattern FENCE = Pattern.compile("fence\\.(acq_rel|sc)\\.(gpu|sys|cluster)|membar\\.(gl|sys)");
    private final PtxParser names;
    private String base; // of the last address() call
    private int offset;

    Decoder(PtxParser names) {
        this.names = names;
    }

    private int i(String s) {
        return names.i(s);
    }

    private int q(String s) {
        return names.q(s);
    }

    private int p(String s) {
        return names.p(s);
    }

    private int[] vector(String s) {
        return names.vector(s);
    }

    private void address(String s) { // [base+offset]
        String[] t = s.replaceAll("[\\[\\] ]", "").split("\\+", 2);
        base = t[0];
        offset = t.length > 1 ? Integer.parseInt(t[1]) : 0;
    }

    private int shared32(String s) { // a shared address in one 32-bit register
        address(s);
        if (offset != 0) throw new PtxParser.Unsupported("offset in " + s);
        return i(base);
    }

    /** A new instruction, or {@link PtxParser.Unsupported}. */
    Instruction decode(String op, String[] o) {
        String[] t = op.split("\\.");
        Instruction in = arithmetic(op, t, o);
        if (in == null)
            in = switch (t[0]) {
                case "bra" -> {
                    var branch = new Instruction(Instruction.Kind.BRANCH, null, null);
                    names.jump(branch, o[0]);
                    yield branch;
                }
                case "ret", "exit" -> exit();
                case "ld", "st" ->
                    List.of("relaxed", "acquire", "release").contains(t[1])
                            ? strong(op, o)
                            : t[1].equals("async") ? storeAsync(op, o) : access(t, o);
                case "atom", "red" -> strong(op, o);
                case "trap" ->
                    Instruction.plain((w, x, m) -> {
                        w.report(Finding.Kind.DEADLOCK, x, "trap");
                        throw new Block.Stopped();
                    });
                case "vote" -> vote(op, o);
                case "movmatrix" -> {
                    int d = i(o[0]), a = i(o[1]);
                    yield !op.equals("movmatrix.sync.aligned.m8n8.trans.b16")
                            ? null
                            : Instruction.collective(Instruction.ALL, (w, x, m) -> TensorCore.transpose(w, d, a));
                }
                case "shfl" -> {
                    String[] d = o[0].split("\\|");
                    int to = i(d[0]), p = d.length > 1 ? p(d[1]) : -1, a = i(o[1]), b = i(o[2]), c = i(o[3]);
                    yield Instruction.masked(
                            i(o[4]),
                            (w, x, m) -> Instruction.shuffle(w, x, m, t[2].charAt(0), to, p, w.r[a], w.r[b], w.r[c]));
                }
                case "bar" -> {
                    int a = i(o[0]), count = o.length > 1 ? i(o[1]) : -1;
                    boolean waits = op.equals("bar.sync");
                    yield op.equals("bar.warp.sync")
                            ? Instruction.masked(a, (w, x, m) -> w.tick())
                            : !waits && !op.equals("bar.arrive")
                                    ? null
                                    : Instruction.collective(
                                            Instruction.LIVE,
                                            (w, x, m) -> w.block.arrive(
                                                    w, x, w.first(a, m), count < 0 ? -1 : w.first(count, m), waits));
                }
                case "barrier" -> {
                    boolean relaxed = t[t.length - 1].equals("relaxed") || op.contains(".relaxed.");
                    yield op.matches("barrier\\.cluster\\.arrive(\\.release|\\.relaxed)?(\\.aligned)?")
                            ? Instruction.collective(Instruction.LIVE, (w, x, m) -> w.block.arriveCluster(w, relaxed))
                            : op.matches("barrier\\.cluster\\.wait(\\.acquire)?(\\.aligned)?")
                                    ? Instruction.collective(Instruction.LIVE, (w, x, m) -> w.block.waitCluster(w, x))
                                    : null;
                }
                case "mapa" -> {
                    int d = i(o[0]), a = i(o[1]), rank = i(o[2]);
                    yield !op.equals("mapa.shared::cluster.u32")
                            ? null
                            : Instruction.plain((w, x, m) -> {
                                for (int l = 0; l < 32; l++) {
                                    if ((m >> l & 1) != 0) w.r[d][l] = w.r[a][l] | w.r[rank][l] + 1 << Block.RANK;
                                }
                            });
                }
                case "griddepcontrol" ->
                    switch (op) {
                        case "griddepcontrol.wait" -> Instruction.plain((w, x, m) -> w.block.waitForLaunches(w));
                        case "griddepcontrol.launch_dependents" -> Instruction.plain((w, x, m) -> {});
                        default -> null;
                    };
                case "membar", "fence" -> {
                    if (FENCE.matcher(op).matches()) yield Instruction.plain((w, x, m) -> w.fence());
                    boolean proxy = op.startsWith("fence.proxy.async");
                    if (!proxy && !op.startsWith("fence.mbarrier_init")) yield null;
                    yield Instruction.plain((w, x, m) -> {
                        AsyncCopies.fenceInit(w);
                        if (proxy) w.fenceProxy();
                    });
                }
                case "setmaxnreg" -> {
                    int n = Integer.parseInt(o[0]);
                    if (n < 24 || n > 256 || n % 8 != 0) throw new PtxParser.Unsupported("number of registers");
                    yield Instruction.collective(Instruction.ALL, (w, x, m) -> w.block.setRegisters(w, x, n));
                }
                case "ldmatrix", "mma", "wgmma" -> matrix(op, t, o);
                case "mbarrier" -> mbarrier(op, t, o);
                case "cp" -> copy(op, o);
                default -> HINT.matcher(op).matches() ? Instruction.plain((w, x, m) -> {}) : null;
            };
        if (in == null) throw new PtxParser.Unsupported("opcode " + op);
        return in;
    }

    static Instruction exit() {
        return new Instruction(Instruction.Kind.EXIT, null, (w, in, m) -> w.live &= ~m);
    }

    private Instruction arithmetic(String op, String[] t, String[] o) { // null: something else
        if (op.equals("mov.u64") && o[1].equals("%clock64")) {
            int d = q(o[0]);
            return Instruction.plain((w, in, m) -> {
                w.block.wave.time += 100;
                for (int l = 0; l < 32; l++) if ((m >> l & 1) != 0) w.q[d][l] = w.block.wave.time;
            });
        }
        if (op.equals("mov.b64") && o[0].startsWith("{")) {
            int[] d = vector(o[0]);
            int a = q(o[1]);
            return Instruction.plain((w, in, m) -> {
                for (int l = 0; l < 32; l++) {
                    if ((m >> l & 1) == 0) continue;
                    w.r[d[0]][l] = (int) w.q[a][l];
                    w.r[d[1]][l] = (int) (w.q[a][l] >>> 32);
                }
            });
        }
        if (op.equals("mov.b64") && o[1].startsWith("{")) {
            int d = q(o[0]);
            int[] a = vector(o[1]);
            return Instruction.plain((w, in, m) -> {
                for (int l = 0; l < 32; l++) {
                    if ((m >> l & 1) != 0) w.q[d][l] = w.r[a[0]][l] & 0xffffffffL | (long) w.r[a[1]][l] << 32;
                }
            });
        }
        if (op.equals("mov.b32") && o[0].startsWith("{")) {
            int[] d = vector(o[0]);
            int a = i(o[1]);
            return Instruction.plain((w, in, m) -> {
                for (int l = 0; l < 32; l++) {
                    if ((m >> l & 1) == 0) continue;
                    int v = w.r[a][l];
                    w.r[d[0]][l] = v & 0xffff;
                    w.r[d[1]][l] = v >>> 16;
                }
            });
        }
        if (op.equals("mov.b32") && o[1].startsWith("{")) {
            int d = i(o[0]);
            int[] a = vector(o[1]);
            return Instruction.plain((w, in, m) -> {
                for (int l = 0; l < 32; l++) {
                    if ((m >> l & 1) != 0) w.r[d][l] = w.r[a[0]][l] & 0xffff | w.r[a[1]][l] << 16;
                }
            });
        }
        if (op.equals("mov.pred") && o[1].matches("-?\\d+")) {
            int d = p(o[0]), v = o[1].equals("0") ? 0 : -1;
            return Instruction.plain((w, in, m) -> w.p[d] = w.p[d] & ~m | v & m);
        }
        if (Alu.INT.containsKey(op)) {
            var f = Alu.INT.get(op);
            int d = i(o[0]), a = i(o[1]), b = i(o[o.length > 2 ? 2 : 1]), c = i(o[o.length > 3 ? 3 : 1]);
            int e = i(o[o.length > 4 ? 4 : 1]);
            return Instruction.plain((w, in, m) -> {
                int[][] r = w.r;
                f.run(m == -1 ? r[d] : w.scratch, r[a], r[b], r[c], r[e]);
                if (m != -1) Warp.keep(r[d], w.scratch, m);
            });
        }
        if (Alu.LONG.containsKey(op)) {
            var form = Alu.LONG.get(op);
            int d = q(o[0]);
            int[] wide = {d, d, d}, narrow = {0, 0};
            for (int k = 0, x = 0, y = 0; k < form.sources().length(); k++) {
                if (form.sources().charAt(k) == 'q') wide[x++] = q(o[k + 1]);
                else narrow[y++] = i(o[k + 1]);
            }
            return Instruction.plain((w, in, m) -> {
                form.op()
                        .run(
                                m == -1 ? w.q[d] : w.longScratch,
                                w.q[wide[0]],
                                w.q[wide[1]],
                                w.q[wide[2]],
                                w.r[narrow[0]],
                                w.r[narrow[1]]);
                if (m != -1) Warp.keep(w.q[d], w.longScratch, m);
            });
        }
        if (op.equals("cvt.u32.u64")) {
            int d = i(o[0]), a = q(o[1]);
            return Instruction.plain((w, in, m) -> {
                for (int l = 0; l < 32; l++) if ((m >> l & 1) != 0) w.r[d][l] = (int) w.q[a][l];
            });
        }
        if (Alu.LOGIC.containsKey(op)) {
            var f = Alu.LOGIC.get(op);
            int d = p(o[0]), a = p(o[1]), b = p(o[o.length > 2 ? 2 : 1]);
            return Instruction.plain((w, in, m) -> w.p[d] = w.p[d] & ~m | f.run(w.p[a], w.p[b]) & m);
        }
        if (t[0].equals("setp") && Alu.TEST.containsKey(op.substring(5))) {
            var f = Alu.TEST.get(op.substring(5));
            int d = p(o[0]), a = i(o[1]), b = i(o[2]);
            return Instruction.plain((w, in, m) -> w.p[d] = w.p[d] & ~m | f.run(w.r[a], w.r[b]) & m);
        }
        if (t[0].equals("setp") && Alu.LONG_TEST.containsKey(op.substring(5))) {
            var f = Alu.LONG_TEST.get(op.substring(5));
            int d = p(o[0]), a = q(o[1]), b = q(o[2]);
            return Instruction.plain((w, in, m) -> w.p[d] = w.p[d] & ~m | f.run(w.q[a], w.q[b]) & m);
        }
        if (t[0].equals("selp") && op.endsWith("64")) {
            int d = q(o[0]), a = q(o[1]), b = q(o[2]), p = p(o[3]);
            return Instruction.plain((w, in, m) -> {
                System.arraycopy(w.q[a], 0, w.longScratch, 0, 32); // d may be a
                Warp.keep(w.q[d], w.q[b], m & ~w.p[p]);
                Warp.keep(w.q[d], w.longScratch, m & w.p[p]);
            });
        }
        if (t[0].equals("selp") && !op.endsWith("64")) {
            int d = i(o[0]), a = i(o[1]), b = i(o[2]), p = p(o[3]);
            return Instruction.plain((w, in, m) -> {
                Warp.keep(w.r[d], w.r[b], m & ~w.p[p]);
                Warp.keep(w.r[d], w.r[a], m & w.p[p]);
            });
        }
        return null;
    }

    private Instruction access(String[] t, String[] o) {
        boolean load = t[0].equals("ld"),
                generic = t.length < 3 || t[1].matches("v[24]"); // generic: global memory only
        String type = t[t.length - 1],
                space = generic ? "global" : t[1],
                data = (load ? o[0] : o[1]).replaceAll("[{} ]", "");
        for (int k = generic ? 1 : 2; k < t.length - 1; k++) {
            if (!List.of("nc", "cg", "v2", "v4").contains(t[k])) throw new PtxParser.Unsupported("modifier " + t[k]);
        }
        int bytes = Integer.parseInt(type.substring(1)) / 8;
        address(load ? o[1] : o[0]);
        PtxParser.Register first = names.register(data.split(",")[0]);
        boolean wide = first == null ? bytes == 8 : first.file() == 'q', signed = type.startsWith("s");
        int[] slots =
                Arrays.stream(data.split(",")).mapToInt(x -> wide ? q(x) : i(x)).toArray();
        if (space.equals("param")) { // of a name, or through a pointer to a structure
            Integer place = names.params.get(base);
            int pointer = place == null ? q(base) : q("0"), plus = offset + (place == null ? 0 : place);
            long zero = place == null ? PtxParser.PARAM_BASE : 0;
            return Instruction.plain((w, in, m) -> {
                for (int s = m; s != 0; s &= s - 1) {
                    int l = Integer.numberOfTrailingZeros(s);
                    long at = w.q[pointer][l] - zero + plus;
                    boolean in2 = at >= 0 && at + bytes * slots.length <= w.block.params.length;
                    if (!in2) w.report(Finding.Kind.OUT_OF_BOUNDS, in, "lane " + l + " reads past the parameters");
                    for (int k = 0; k < slots.length; k++) {
                        long v = in2 ? Memory.get(w.block.params, (int) at + k * bytes, bytes) : -1;
                        if (wide) w.q[slots[k]][l] = v;
                        else w.r[slots[k]][l] = (int) v;
                    }
                }
            });
        }
        boolean shared = space.equals("shared");
        if (!shared && !space.equals("global")) throw new PtxParser.Unsupported("state space " + space);
        PtxParser.Register register = names.register(base);
        boolean wideAddress = !shared || register != null && register.file() == 'q';
        int from = wideAddress ? q(base) : i(base), plus = offset;
        return Instruction.plain((w, in, m) -> {
            Memory memory = shared ? w.block.shared : w.block.sim.global;
            long[] at = w.addresses(from, wideAddress, plus);
            if (load) Instruction.load(w, in, m, memory, at, slots, bytes, wide, signed);
            else Instruction.store(w, in, m, memory, at, slots, bytes, wide);
        });
    }

    /** Strong accesses to global memory: atom, red, and ld and st with a memory order. */
    private Instruction strong(String op, String[] o) {
        Matcher m = STRONG.matcher(op);
        if (!m.matches()) return null;
        String kind = m.group(1), name = m.group(7), type = m.group(9);
        if ((name != null) != (kind.equals("atom") || kind.equals("red"))) return null;
        boolean load = kind.equals("ld"), update = name != null, result = load || kind.equals("atom");
        int bytes = Integer.parseInt(m.group(10)) / 8;
        var order = m.group(3) == null
                ? Races.Order.RELAXED
                : Races.Order.valueOf(m.group(3).toUpperCase());
        address(o[result ? 1 : 0]);
        int from = q(base), plus = offset;
        if (update) {
            var f = Alu.ATOMIC.get(name + "." + type + m.group(10));
            int d = result ? i(o[0]) : -1, value = i(o[result ? 2 : 1]);
            return f == null || m.group(8) != null
                    ? null
                    : Instruction.plain((w, in, lanes) ->
                            Instruction.atomic(w, in, lanes, w.addresses(from, true, plus), d, w.r[value], order, f));
        }
        String[] data = (load ? o[0] : o[1]).replaceAll("[{} ]", "").split(",");
        int[] slots =
                Arrays.stream(data).mapToInt(x -> bytes == 8 ? q(x) : i(x)).toArray();
        return Instruction.plain((w, in, lanes) ->
                Instruction.strong(w, in, lanes, w.addresses(from, true, plus), slots, bytes, load, order));
    }

    private Instruction storeAsync(String op, String[] o) {
        if (!op.matches("st\\.async(\\.weak)?\\.shared::cluster\\.mbarrier::complete_tx::bytes\\.v4\\.[busf]32"))
            return null;
        int to = shared32(o[0]), barrier = shared32(o[2]);
        int[] data = vector(o[1]);
        return Instruction.plain((w, in, m) -> AsyncCopies.storeAsync(w, in, m, w.r[to], data, w.r[barrier]));
    }

    private Instruction vote(String op, String[] o) {
        boolean not = o[1].startsWith("!"),
                ballot = op.equals("vote.sync.ballot.b32"),
                all = op.equals("vote.sync.all.pred");
        if (!ballot && !all && !op.equals("vote.sync.any.pred")) return null;
        int d = ballot ? i(o[0]) : p(o[0]), a = p(not ? o[1].substring(1) : o[1]);
        return Instruction.masked(i(o[2]), (w, x, m) -> {
            int yes = (not ? ~w.p[a] : w.p[a]) & m;
            if (ballot) for (int l = 0; l < 32; l++) w.r[d][l] = (m >> l & 1) != 0 ? yes : w.r[d][l];
            else w.p[d] = (all ? yes == m : yes != 0) ? w.p[d] | m : w.p[d] & ~m;
        });
    }

    private Instruction matrix(String op, String[] t, String[] o) {
        if (op.matches("ldmatrix\\.sync\\.aligned\\.m8n8\\.x[124](\\.trans)?\\.shared(::cta)?\\.b16")) {
            int[] d = vector(o[0]);
            address(o[1]);
            int from = i(base), plus = offset;
            return Instruction.collective(
                    Instruction.ALL,
                    (w, in, m) ->
                            TensorCore.loadMatrix(w, in, m, d, w.addresses(from, false, plus), op.contains(".trans")));
        }
        if (op.matches("mma\\.sync\\.aligned\\.m16n8k(16|8)\\.row\\.col\\.f32\\.(bf16\\.bf16|f16\\.f16)\\.f32")) {
            int[] d = vector(o[0]), a = vector(o[1]), b = vector(o[2]), c = vector(o[3]);
            boolean bf16 = op.contains("bf16");
            return Instruction.collective(Instruction.ALL, (w, in, m) -> TensorCore.mma(w, in, m, d, a, b, c, bf16));
        }
        Matcher shape = WGMMA.matcher(op);
        if (shape.matches()) {
            boolean registers = o[1].startsWith("{");
            List<String> scales = List.of(o).subList(4, o.length);
            if (!scales.equals(List.of("1", "1", "0", "0"))
                    && !(registers && scales.toString().matches("\\[1, 1, [01]]"))) {
                throw new PtxParser.Unsupported("signs or layouts " + scales);
            }
            boolean transposed = scales.get(2).equals("1");
            int[] d = vector(o[0]);
            names.touched.clear(); // wgmmas in a row may use the same accumulators, though not as A
            int[] ra = registers ? vector(o[1]) : null;
            int da = registers ? -1 : q(o[1]), b = q(o[2]), add = p(o[3]), n = Integer.parseInt(shape.group(1));
            return Instruction.collective(
                    Instruction.ALL,
                    (w, in, m) ->
                            w.async.wgmma(in, m, d, ra, registers ? null : w.q[da], w.q[b], transposed, w.p[add], n));
        }
        int n = t[1].equals("wait_group") ? Integer.parseInt(o[0]) : 0;
        return switch (t[0] + "." + t[1]) {
            case "wgmma.fence" -> Instruction.plain((w, in, m) -> w.async.wgmmaFenced = true);
            case "wgmma.commit_group" -> Instruction.plain((w, in, m) -> w.async.wgmmaGroup++);
            case "wgmma.wait_group" -> Instruction.plain((w, in, m) -> w.async.wgmmaWait(n));
            default -> null;
        };
    }

    private Instruction mbarrier(String op, String[] t, String[] o) {
        if (op.matches("mbarrier\\.init\\.shared(::cta)?\\.b64")) {
            int at = shared32(o[0]), count = i(o[1]);
            return Instruction.plain((w, in, m) -> AsyncCopies.mbarrierInit(w, in, m, w.r[at], w.r[count]));
        }
        if (op.matches("mbarrier\\.arrive(\\.expect_tx)?\\.shared(::cta)?\\.b64") && o[0].equals("_")) {
            boolean expect = t[2].equals("expect_tx"), counted = !expect && o.length > 2;
            int at = shared32(o[1]), n = expect || counted ? i(o[2]) : -1;
            return Instruction.plain((w, in, m) ->
                    AsyncCopies.mbarrierArrive(w, in, m, w.r[at], counted ? w.r[n] : null, expect ? w.r[n] : null));
        }
        if (op.matches("mbarrier\\.(try|test)_wait\\.parity\\.shared(::cta)?\\.b64")) {
            int d = p(o[0]), at = shared32(o[1]), parity = i(o[2]);
            boolean rests = op.contains("try");
            return Instruction.plain((w, in, m) -> AsyncCopies.mbarrierWait(w, in, m, d, w.r[at], w.r[parity], rests));
        }
        return null;
    }

    private Instruction copy(String op, String[] o) {
        if (op.matches("cp\\.async\\.c[ga]\\.shared(::cta)?\\.global")) {
            int to = shared32(o[0]), size = Integer.parseInt(o[2]), bytes = o.length > 3 ? i(o[3]) : i(o[2]);
            address(o[1]);
            int from = q(base), plus = offset;
            return Instruction.plain((w, in, m) -> w.async.copyAsync(in, m, to, from, plus, size, w.r[bytes]));
        }
        if (op.matches("cp\\.async\\.mbarrier\\.arrive\\.noinc\\.shared(::cta)?\\.b64")) {
            int at = shared32(o[0]);
            return Instruction.plain((w, in, m) -> w.async.copyArrive(in, m, w.r[at]));
        }
        if (op.equals("cp.async.commit_group")) return Instruction.plain((w, in, m) -> w.async.copyCommit(m));
        if (op.startsWith("cp.async.wait_")) {
            int n = op.endsWith("_all") ? -1 : Integer.parseInt(o[0]);
            return Instruction.plain((w, in, m) -> w.async.copyWait(m, n));
        }
        Matcher tensor = TENSOR_LOAD.matcher(op);
        if (tensor.matches()) {
            String[] source = o[1].replaceAll("[\\[\\]{} ]", "").split(",");
            int rank = Integer.parseInt(tensor.group(1)),
                    to = shared32(o[0]),
                    map = q(source[0]),
                    barrier = shared32(o[2]);
            if (source.length != rank + 1) throw new PtxParser.Unsupported("number of coordinates");
            int[] from = Arrays.stream(source).skip(1).mapToInt(this::i).toArray();
            return Instruction.plain((w, in, m) -> AsyncCopies.tensorLoad(
                    w,
                    in,
                    m,
                    w.r[to],
                    w.q[map],
                    Arrays.stream(from).mapToObj(slot -> w.r[slot]).toArray(int[][]::new),
                    w.r[barrier]));
        }
        if (BULK_LOAD.matcher(op).matches()) {
            int to = shared32(o[0]), size = i(o[2]), barrier = shared32(o[3]);
            address(o[1]);
            int from = q(base), plus = offset;
            return Instruction.plain((w, in, m) ->
                    AsyncCopies.bulkLoad(w, in, m, w.r[to], w.addresses(from, true, plus), w.r[size], w.r[barrier]));
        }
        return HINT.matcher(op).matches() ? Instruction.plain((w, in, m) -> {}) : null;
    }
}
