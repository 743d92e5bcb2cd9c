package espalier.cuda.sim;

import espalier.cuda.sim.Accesses.Atomic;
import espalier.cuda.sim.Accesses.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * ld, st, atom, red and cvta (PTX ISA 9.7.9.8 to 9.7.9.20, 9.7.13.6, 9.7.13.7). Modifiers that only say how a cache may
 * treat the access have no effect here.
 */
final class AccessDecoder {
    private static final Pattern CACHE =
            Pattern.compile("nc|ca|cg|cs|lu|cv|wb|wt|weak|L1::\\w+|L2::\\w+|L2::evict_\\w+|level::\\w+");
    private static final Pattern SPACE = Pattern.compile("global|const|shared(::\\w+)?|local|param(::\\w+)?");
    private static final Pattern TYPE = Pattern.compile("([busf])(8|16|32|64)|(b)?f16x2|bf16x2|f16|bf16");
    private static final Pattern ORDER = Pattern.compile("relaxed|acquire|release|acq_rel|volatile");
    private static final Pattern SCOPE = Pattern.compile("cta|cluster|gpu|sys");
    private final Registers names;

    AccessDecoder(Registers names) {
        this.names = names;
    }

    /** An opcode's parts, taken out one by one. */
    private static final class Parts {
        final String kind, type;
        final List<String> rest = new ArrayList<>();

        Parts(String op) {
            String[] t = op.split("\\.");
            kind = t[0];
            type = t[t.length - 1];
            for (int k = 1; k < t.length - 1; k++) {
                if (!CACHE.matcher(t[k]).matches()) {
                    rest.add(t[k]);
                }
            }
        }

        /** The first part that matches, or {@code otherwise}. */
        String take(Pattern what, String otherwise) {
            for (String t : rest) {
                if (what.matcher(t).matches()) {
                    rest.remove(t);
                    return t;
                }
            }
            return otherwise;
        }

        void expectNothingElse() {
            if (!rest.isEmpty()) {
                throw new PtxParser.Unsupported("modifier " + rest);
            }
        }
    }

    Instruction decode(String op, String[] o) {
        if (op.startsWith("cvta.")) {
            return convert(op, o);
        }
        var parts = new Parts(op);
        if (!TYPE.matcher(parts.type).matches()) {
            return null;
        }
        String order = parts.take(ORDER, ""), scope = parts.take(SCOPE, "");
        String space = parts.take(SPACE, "");
        if (parts.kind.equals("atom") || parts.kind.equals("red")) {
            return atomic(parts, space, order, o);
        }
        parts.take(Pattern.compile("v[248]"), ""); // the operand's braces say so too
        parts.expectNothingElse();
        boolean load = parts.kind.startsWith("ld");
        var address = Registers.address(load ? o[1] : o[0]);
        Vector v = vector(load ? o[0] : o[1], parts.type);
        Place place = place(address, space);
        if (!order.isEmpty() || !scope.isEmpty()) {
            Races.Order o2 = order(order);
            return Instruction.plain(
                    (w, in, m) -> Accesses.strong(w, in, place.space, m, place.addresses(w), v, load, o2));
        }
        return load
                ? Instruction.plain((w, in, m) -> Accesses.load(w, in, place.space, m, place.addresses(w), v))
                : Instruction.plain((w, in, m) -> Accesses.store(w, in, place.space, m, place.addresses(w), v));
    }

    /** Where the lanes access: base register and offset, in a space. */
    private record Place(Space space, int base, boolean wide, int offset) {
        long[] addresses(Warp w) {
            return w.addresses(base, wide, offset);
        }
    }

    private Place place(Registers.Address a, String name) {
        Space space = name.isEmpty() ? Space.GENERIC : Space.of(name);
        if (space == Space.PARAM && names.localOffset(a.base()) != null) {
            space = Space.LOCAL; // a parameter or result of a call
        }
        boolean wide = names.find(a.base()) == null ? space != Space.SHARED : names.isWide(a.base());
        return new Place(space, wide ? names.q(a.base()) : names.i(a.base()), wide, a.offset());
    }

    private static Races.Order order(String name) {
        return name.isEmpty() || name.equals("volatile")
                ? Races.Order.RELAXED
                : Races.Order.valueOf(name.toUpperCase(Locale.ROOT));
    }

    private static int bytes(String type) {
        Matcher bits = Pattern.compile("[busf](8|16|32|64)").matcher(type);
        return bits.matches() ? Integer.parseInt(bits.group(1)) / 8 : type.endsWith("x2") ? 4 : 2;
    }

    private Vector vector(String data, String type) {
        List<String> elements = Registers.elements(data);
        int bytes = bytes(type);
        Registers.Slot first = names.find(elements.getFirst());
        boolean wide = first == null ? bytes == 8 : first.file() == 'q';
        int[] slots = elements.stream()
                .mapToInt(x -> wide ? names.q(x) : names.result(x))
                .toArray();
        return new Vector(slots, bytes, wide, type.startsWith("s"));
    }

    private Instruction atomic(Parts parts, String space, String order, String[] o) {
        boolean result = parts.kind.equals("atom");
        String name = String.join(".", parts.rest);
        boolean swap = name.equals("cas");
        Alu.Update update = Alu.ATOMIC.get(name + "." + parts.type);
        if (!swap && update == null) {
            return null;
        }
        int bytes = bytes(parts.type), at = result ? 1 : 0;
        Place place = place(Registers.address(o[at]), space);
        boolean dropped = result && o[0].equals("_");
        var a = new Atomic(
                bytes,
                result && !dropped ? slot(o[0], bytes) : -1,
                slot(o[at + 1], bytes),
                swap ? slot(o[at + 2], bytes) : -1,
                order(order),
                update);
        return Instruction.plain((w, in, m) -> Accesses.atomic(w, in, place.space, m, place.addresses(w), a));
    }

    private int slot(String name, int bytes) {
        return bytes == 8 ? names.q(name) : names.i(name);
    }

    /** cvta[.to].SPACE.u64: between an address of the space and a generic one. */
    private Instruction convert(String op, String[] o) {
        String[] t = op.split("\\.");
        boolean to = t[1].equals("to");
        long by = Space.of(t[to ? 2 : 1]).base * (to ? -1 : 1);
        int d = names.q(o[0]), a = names.q(o[1]);
        return Instruction.plain((w, in, m) -> {
            for (int l = 0; l < Alu.LANES; l++) {
                w.q[d][l] = (m >> l & 1) != 0 ? w.q[a][l] + by : w.q[d][l];
            }
        });
    }
}
