package espalier.cuda.sim;

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** cp.async, bulk and tensor copies, st.async, mbarrier (PTX ISA 9.7.9.25 to 9.7.9.27, 9.7.13.15). */
final class CopyDecoder {
    private static final String TO_SHARED =
            "\\.shared::(cluster|cta)\\.global(\\.tile)?\\.mbarrier::complete_tx::bytes(\\.L2::cache_hint)?";
    private static final String TO_GLOBAL = "\\.global\\.shared::cta(\\.tile)?\\.bulk_group(\\.L2::cache_hint)?";
    private static final Pattern TENSOR_LOAD = Pattern.compile(
            "cp\\.async\\.bulk\\.tensor\\.([1-5])d" + TO_SHARED.replace("(\\.L2", "(\\.multicast::cluster)?(\\.L2"));
    private static final Pattern TENSOR_STORE = Pattern.compile("cp\\.async\\.bulk\\.tensor\\.([1-5])d" + TO_GLOBAL);
    private static final Pattern BULK_LOAD = Pattern.compile("cp\\.async\\.bulk" + TO_SHARED);
    private static final Pattern BULK_STORE = Pattern.compile("cp\\.async\\.bulk" + TO_GLOBAL);
    /** What reads ahead into a cache, or says how a cache may treat it: no effect here. */
    private static final Pattern HINT = Pattern.compile("prefetch(u)?\\..*|createpolicy\\..*|applypriority\\..*|"
            + "cp\\.async\\.bulk\\.prefetch\\.(tensor\\.[1-5]d\\.)?L2\\.global(\\.tile)?(\\.L2::cache_hint)?");

    private static final Pattern INIT = Pattern.compile("mbarrier\\.init(\\.shared(::cta)?)?\\.b64");
    private static final Pattern ARRIVE = Pattern.compile("mbarrier\\.(arrive(\\.expect_tx)?|expect_tx)"
            + "(\\.(release|relaxed))?(\\.(cta|cluster))?\\.shared(::cta|::cluster)?\\.b64");
    private static final Pattern WAIT = Pattern.compile(
            "mbarrier\\.(try|test)_wait\\.parity(\\.acquire)?(\\.(cta|cluster))?\\.shared(::cta)?\\.b64");
    private final Registers names;

    CopyDecoder(Registers names) {
        this.names = names;
    }

    Instruction decode(String op, String[] o) {
        if (HINT.matcher(op).matches()) {
            return Instruction.plain((w, in, m) -> {});
        }
        if (op.startsWith("mbarrier.")) {
            return mbarrier(op, o);
        }
        return op.startsWith("cp.async.bulk") ? bulk(op, o) : op.startsWith("cp.async") ? async(op, o) : null;
    }

    private Instruction async(String op, String[] o) {
        if (op.matches("cp\\.async\\.c[ga]\\.shared(::cta)?\\.global(\\.L2::\\w+)?")) {
            int to = names.shared32(o[0]), size = Integer.parseInt(o[2]), bytes = names.i(o.length > 3 ? o[3] : o[2]);
            var from = Registers.address(o[1]);
            int base = names.q(from.base());
            return Instruction.plain((w, in, m) -> w.copies.copy(
                    in, m, to, w.addresses(base, true, from.offset()).clone(), size, w.r[bytes]));
        }
        if (op.matches("cp\\.async\\.mbarrier\\.arrive\\.noinc(\\.shared(::cta)?)?\\.b64")) {
            int at = names.shared32(o[0]);
            return Instruction.plain((w, in, m) -> w.copies.arrive(in, m, w.r[at]));
        }
        if (op.equals("cp.async.commit_group")) {
            return Instruction.plain((w, in, m) -> w.copies.commit(m));
        }
        if (op.equals("cp.async.wait_all") || op.equals("cp.async.wait_group")) {
            int n = op.endsWith("_all") ? -1 : Integer.parseInt(o[0]);
            return Instruction.plain((w, in, m) -> w.copies.await(m, n));
        }
        return null;
    }

    private Instruction bulk(String op, String[] o) {
        Matcher tensor = TENSOR_LOAD.matcher(op), store = TENSOR_STORE.matcher(op);
        if (tensor.matches()) {
            var from = coordinates(o[1], Integer.parseInt(tensor.group(1)));
            int to = names.shared32(o[0]), barrier = names.shared32(o[2]);
            int blocks = op.contains(".multicast") ? names.i(o[3]) : -1;
            return Instruction.plain((w, in, m) -> Transfers.tensorLoad(
                    w,
                    in,
                    m,
                    new Transfers.Targets(w.r[to], w.r[barrier], blocks < 0 ? null : w.r[blocks]),
                    w.q[from.map],
                    from.of(w)));
        }
        if (store.matches()) {
            var to = coordinates(o[0], Integer.parseInt(store.group(1)));
            int from = names.shared32(o[1]);
            return Instruction.plain((w, in, m) -> w.stores.tensor(in, m, w.q[to.map], to.of(w), w.r[from]));
        }
        if (BULK_LOAD.matcher(op).matches()) {
            int to = names.shared32(o[0]), size = names.i(o[2]), barrier = names.shared32(o[3]);
            var from = Registers.address(o[1]);
            int base = names.q(from.base());
            return Instruction.plain((w, in, m) -> Transfers.bulkLoad(
                    w, in, m, w.r[to], w.addresses(base, true, from.offset()), w.r[size], w.r[barrier]));
        }
        if (BULK_STORE.matcher(op).matches()) {
            var to = Registers.address(o[0]);
            int base = names.q(to.base()), from = names.shared32(o[1]), size = names.i(o[2]);
            return Instruction.plain(
                    (w, in, m) -> w.stores.bulk(in, m, w.addresses(base, true, to.offset()), w.r[from], w.r[size]));
        }
        if (op.equals("cp.async.bulk.commit_group")) {
            return Instruction.plain((w, in, m) -> w.stores.commit(m));
        }
        if (op.matches("cp\\.async\\.bulk\\.wait_group(\\.read)?")) {
            int n = Integer.parseInt(o[0]);
            boolean readOnly = op.endsWith(".read");
            return Instruction.plain((w, in, m) -> w.stores.await(m, n, readOnly));
        }
        return null;
    }

    /** {@code [map, {c0, c1, ...}]}: slots. */
    private record Coordinates(int map, int[] slots) {
        int[][] of(Warp w) {
            return Arrays.stream(slots).mapToObj(slot -> w.r[slot]).toArray(int[][]::new);
        }
    }

    private Coordinates coordinates(String operand, int rank) {
        String[] t = operand.replaceAll("[\\[\\]{} ]", "").split(",");
        if (t.length != rank + 1) {
            throw new PtxParser.Unsupported("number of coordinates");
        }
        return new Coordinates(
                names.q(t[0]), Arrays.stream(t).skip(1).mapToInt(names::i).toArray());
    }

    Instruction storeAsync(String op, String[] o) {
        if (!op.matches(
                "st\\.async(\\.weak)?\\.shared::cluster\\.mbarrier::complete_tx::bytes(\\.v[24])?\\.[busf]32")) {
            return null;
        }
        int to = names.shared32(o[0]), barrier = names.shared32(o[2]);
        int[] data = names.vector(o[1]);
        if (data.length != 4) {
            throw new PtxParser.Unsupported("st.async of other than 16 bytes");
        }
        return Instruction.plain((w, in, m) -> Transfers.storeAsync(w, in, m, w.r[to], data, w.r[barrier]));
    }

    private Instruction mbarrier(String op, String[] o) {
        if (INIT.matcher(op).matches()) {
            int at = names.shared32(o[0]), count = names.i(o[1]);
            return Instruction.plain((w, in, m) -> Mbarriers.init(w, in, m, w.r[at], w.r[count]));
        }
        if (op.matches("mbarrier\\.inval(\\.shared(::cta)?)?\\.b64")) {
            int at = names.shared32(o[0]);
            return Instruction.plain((w, in, m) -> Mbarriers.invalidate(w, in, m, w.r[at]));
        }
        Matcher arrive = ARRIVE.matcher(op);
        if (arrive.matches()) {
            boolean arrives = arrive.group(1).startsWith("arrive"),
                    expects = arrive.group(1).endsWith("expect_tx");
            int first = arrives ? 1 : 0;
            if (arrives && !o[0].equals("_")) {
                return null; // a state token is not modelled: waits are by parity
            }
            int number = o.length > first + 1 ? names.i(o[first + 1]) : -1;
            var arrival = new Mbarriers.Arrival(
                    names.shared32(o[first]), expects ? -1 : number, expects ? number : -1, arrives);
            return Instruction.plain((w, in, m) -> Mbarriers.arrive(w, in, m, arrival));
        }
        if (WAIT.matcher(op).matches()) {
            int d = names.p(o[0]), at = names.shared32(o[1]), parity = names.i(o[2]);
            boolean rests = op.contains("try");
            return Instruction.plain((w, in, m) -> Mbarriers.await(w, in, m, d, w.r[at], w.r[parity], rests));
        }
        return null;
    }
}
