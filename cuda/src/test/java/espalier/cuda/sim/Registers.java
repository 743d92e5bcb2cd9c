package espalier.cuda.sim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The names of a kernel and the slots that they stand for (PTX ISA 5.1.1, 5.4): registers of 32 bits and less in one file,
 * of 64 bits in another, predicates in a third; constants and addresses of variables are slots too, filled once by each
 * warp. Names are found from the innermost scope outwards.
 */
final class Registers {
    /** Slots 0 and up of the 32-bit file, filled by {@link Warp#start}. */
    static final List<String> SPECIAL = List.of(
            "%tid.x",
            "%tid.y",
            "%tid.z",
            "%ctaid.x",
            "%ctaid.y",
            "%ctaid.z",
            "%ntid.x",
            "%ntid.y",
            "%ntid.z",
            "%nctaid.x",
            "%nctaid.y",
            "%nctaid.z",
            "%laneid",
            "%warpid",
            "%lanemask_eq",
            "%lanemask_lt",
            "%lanemask_le",
            "%lanemask_gt",
            "%lanemask_ge",
            "%cluster_ctarank",
            "%cluster_nctarank",
            "%smid",
            "%nsmid");

    private static final Pattern FLOAT = Pattern.compile("0[fF][0-9a-fA-F]{8}");
    private static final Pattern DOUBLE = Pattern.compile("0[dD][0-9a-fA-F]{16}");
    private static final Pattern DECIMAL = Pattern.compile("-?\\d+U?");
    private static final Pattern HEXADECIMAL = Pattern.compile("0[xX][0-9a-fA-F]+U?");
    private static final Pattern NUMBER_AT_END = Pattern.compile("\\d+$");

    /** A register: its file ('i', 'q' or 'p') and its slot there. */
    record Slot(char file, int number) {}

    /** {@code [base+offset]}. */
    record Address(String base, int offset) {}

    static final class Scope {
        final Scope outer;
        final Map<String, Slot> names = new HashMap<>();
        final Map<String, Character> families = new HashMap<>(); // "%r" of ".reg .b32 %r<20>"
        final Map<String, Integer> labels = new HashMap<>();
        /** Where the parameters and results of calls lie in local memory. */
        final Map<String, Integer> locals = new HashMap<>();

        Scope(Scope outer) {
            this.outer = outer;
        }
    }

    private final KernelCode code;
    /** Addresses of variables: shared arrays of the kernel, global variables of the module. */
    private final Map<String, Long> symbols = new HashMap<>();

    private final Map<String, Integer> params = new HashMap<>();
    private final Set<Integer> touched = new HashSet<>();
    private Scope scope = new Scope(null);

    Registers(KernelCode code) {
        this.code = code;
        for (String s : SPECIAL) {
            scope.names.put(s, new Slot('i', code.ints++));
        }
    }

    // Scopes

    void open() {
        scope = new Scope(scope);
    }

    void close() {
        scope = scope.outer;
    }

    Scope scope() {
        return scope;
    }

    private Scope outermost() {
        Scope s = scope;
        while (s.outer != null) {
            s = s.outer;
        }
        return s;
    }

    // Declarations

    void declare(String name, char file) {
        if (name.contains("<")) {
            scope.families.put(name.substring(0, name.indexOf('<')), file);
        } else {
            scope.names.put(name, fresh(file));
        }
    }

    void symbol(String name, long address) {
        symbols.put(name, address);
    }

    void param(String name, int offset) {
        params.put(name, offset);
    }

    void local(String name, int offset) {
        scope.locals.put(name, offset);
    }

    private Slot fresh(char file) {
        return new Slot(file, file == 'p' ? code.predicates++ : file == 'q' ? code.longs++ : code.ints++);
    }

    // Use

    /** A new statement begins: {@link #touched} counts anew. */
    void begin() {
        touched.clear();
    }

    /** 32-bit slots that the statement names, constants aside. */
    int[] touched() {
        return touched.stream()
                .mapToInt(x -> x)
                .filter(x -> !code.intConstants.containsKey(x))
                .toArray();
    }

    /** Null for what is no register. */
    Slot find(String name) {
        for (Scope s = scope; s != null; s = s.outer) {
            Slot r = s.names.get(name);
            if (r != null) {
                return r;
            }
            Character file = s.families.get(NUMBER_AT_END.matcher(name).replaceAll(""));
            if (file != null) {
                Slot made = fresh(file);
                s.names.put(name, made);
                return made;
            }
        }
        return null;
    }

    boolean isWide(String name) {
        Slot r = find(name);
        return r != null && r.file == 'q';
    }

    /** Where the bytes of a parameter or of a call's parameter lie; null for what is none. */
    Integer paramOffset(String name) {
        return params.get(name);
    }

    Integer localOffset(String name) {
        for (Scope s = scope; s != null; s = s.outer) {
            if (s.locals.containsKey(name)) {
                return s.locals.get(name);
            }
        }
        return null;
    }

    private long constant(String s) {
        if (FLOAT.matcher(s).matches()) {
            return Long.parseLong(s.substring(2), 16);
        }
        if (DOUBLE.matcher(s).matches()) {
            return Long.parseUnsignedLong(s.substring(2), 16);
        }
        if (DECIMAL.matcher(s).matches()) {
            String digits = s.replace("U", "");
            return digits.startsWith("-") ? Long.parseLong(digits) : Long.parseUnsignedLong(digits);
        }
        if (HEXADECIMAL.matcher(s).matches()) {
            return Long.parseUnsignedLong(s.substring(2).replace("U", ""), 16);
        }
        if (symbols.containsKey(s)) {
            return symbols.get(s);
        }
        if (params.containsKey(s)) {
            return params.get(s);
        }
        Integer local = localOffset(s);
        if (local != null) {
            return local;
        }
        if (s.equals("WARP_SZ")) {
            return Alu.LANES;
        }
        throw new PtxParser.Unsupported("operand " + s);
    }

    /** The slot of a register or constant in the 32-bit file. */
    int i(String s) {
        Slot r = find(s);
        if (r == null) {
            int v = (int) constant(s);
            r = outermost().names.computeIfAbsent("int " + v, _ -> fresh('i'));
            code.intConstants.put(r.number, v);
        }
        if (r.file != 'i') {
            throw new PtxParser.Unsupported("operand " + s + " of 64 bits or a predicate here");
        }
        touched.add(r.number);
        return r.number;
    }

    /** In the 64-bit file. */
    int q(String s) {
        Slot r = find(s);
        if (r == null) {
            long v = constant(s);
            r = outermost().names.computeIfAbsent("long " + v, _ -> fresh('q'));
            code.longConstants.put(r.number, v);
        }
        if (r.file != 'q') {
            throw new PtxParser.Unsupported("operand " + s + " of 32 bits here");
        }
        return r.number;
    }

    int p(String s) {
        Slot r = find(s);
        if (r == null || r.file != 'p') {
            throw new PtxParser.Unsupported("predicate " + s);
        }
        return r.number;
    }

    /** A result that nobody wants ("_"), or a register of the 32-bit file. */
    int result(String s) {
        return s.equals("_") ? fresh('i').number : i(s);
    }

    int[] vector(String s) {
        return elements(s).stream().mapToInt(this::i).toArray();
    }

    static List<String> elements(String s) {
        var list = new ArrayList<String>();
        for (String x : s.replaceAll("[{}]", "").split(",")) {
            list.add(x.strip());
        }
        return list;
    }

    static Address address(String s) {
        String[] t = s.replaceAll("[\\[\\] ]", "").split("\\+", 2);
        return new Address(t[0], t.length > 1 ? Integer.decode(t[1]) : 0);
    }

    /** A shared address in one 32-bit register, as the instructions on mbarriers and copies take it. */
    int shared32(String s) {
        Address a = address(s);
        if (a.offset != 0) {
            throw new PtxParser.Unsupported("offset in " + s);
        }
        return i(a.base);
    }
}
