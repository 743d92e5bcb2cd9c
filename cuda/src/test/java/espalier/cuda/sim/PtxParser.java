package espalier.cuda.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * PTX text to decoded kernels (PTX ISA 4 "Syntax", 5 "State Spaces", 7 "Instruction Operands", 11 "Directives").
 *
 * <p>Reads what NVRTC writes, not all of PTX: one module, kernels without calls, scopes in braces around inline asm.
 * What is unknown refuses with its line; nothing is skipped in silence. Register slots: 32 bits and less in one file,
 * 64 bits in another, predicates in a third. Constants and symbol addresses are slots too, filled once by the warp.
 */
final class PtxParser {
    /** PTX that this simulator does not model. */
    static final class Unsupported extends RuntimeException {
        private static final long serialVersionUID = 1;

        Unsupported(String what) {
            super(what);
        }
    }

    record Register(char file, int slot) {}

    private static final class Scope {
        final Scope outer;
        final Map<String, Register> names = new HashMap<>();
        final Map<String, Character> families = new HashMap<>(); // "%r" of ".reg .b32 %r<20>"
        final Map<String, Integer> labels = new HashMap<>();

        Scope(Scope outer) {
            this.outer = outer;
        }
    }

    private record Jump(Instruction branch, Scope scope, String label) {}

    /** Special registers: slots 0 to 13 of the 32-bit file, filled by {@link Warp}. */
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
            "%warpid");
    /** Generic address of the kernel parameters (cvta.param). */
    static final long PARAM_BASE = 0x2000_0000_0000L;

    private final Map<Integer, String> files = new HashMap<>();
    private final Map<String, String> inlined = new HashMap<>(); // "2 49" -> "1 35": where a place was inlined last
    private final Map<String, Integer> symbols = new HashMap<>(); // shared arrays
    private final List<String> dynamic = new ArrayList<>(); // extern shared arrays: all at one address
    final Map<String, Integer> params = new HashMap<>();
    private final List<Jump> jumps = new ArrayList<>();
    private final List<Instruction> code = new ArrayList<>();
    private final Decoder decoder = new Decoder(this);
    /** 32-bit slots of the current statement. */
    List<Integer> touched = new ArrayList<>();

    private final KernelCode program;
    private Scope scope = new Scope(null);
    private int sharedTop = 128; // addresses below are a red zone
    private String where = "?";

    private PtxParser(String name) {
        program = new KernelCode(name);
    }

    /** The text without comments; {@link Instruction#position} counts in it. */
    static String strip(String ptx) {
        return Pattern.compile("//[^\n]*").matcher(ptx).replaceAll("");
    }

    /** All kernels of a module, by name. */
    static Map<String, KernelCode> parse(String ptx) {
        ptx = strip(ptx);
        var kernels = new LinkedHashMap<String, KernelCode>();
        Matcher entry = Pattern.compile("\\.entry\\s+([\\w$]+)\\s*\\(").matcher(ptx);
        while (entry.find()) {
            var parser = new PtxParser(entry.group(1));
            Matcher file = Pattern.compile("\\.file\\s+(\\d+)\\s+\"([^\"]*)\"").matcher(ptx);
            while (file.find())
                parser.files.put(Integer.valueOf(file.group(1)), file.group(2).replaceAll(".*/", ""));
            Matcher dynamic = Pattern.compile("\\.extern\\s+\\.shared\\s[^;]*?([\\w$]+)\\[\\]")
                    .matcher(ptx);
            while (dynamic.find()) parser.dynamic.add(dynamic.group(1));
            int close = ptx.indexOf(')', entry.end()), open = ptx.indexOf('{', close);
            parser.declareParams(ptx.substring(entry.end(), close));
            Matcher bound = Pattern.compile("\\.maxntid (\\d+)(?:, (\\d+), (\\d+))?")
                    .matcher(ptx)
                    .region(close, open);
            if (bound.find()) {
                parser.program.maxThreads = threads(bound.group(1)) * threads(bound.group(2)) * threads(bound.group(3));
            }
            parser.body(ptx, open + 1);
            kernels.put(entry.group(1), parser.program);
        }
        return kernels;
    }

    private static int threads(String n) {
        return n == null ? 1 : Integer.parseInt(n);
    }

    private void declareParams(String list) {
        var p = Pattern.compile("\\.param\\s+(?:\\.align\\s+(\\d+)\\s+)?\\.[a-z](\\d+)[^,\\[]*?"
                + "([\\w$]+)\\s*(?:\\[(\\d+)\\])?\\s*(?:,|$)");
        for (Matcher m = p.matcher(list.strip()); m.find(); ) {
            int unit = Integer.parseInt(m.group(2)) / 8;
            int align = m.group(1) == null ? unit : Integer.parseInt(m.group(1));
            int bytes = m.group(4) == null ? unit : unit * Integer.parseInt(m.group(4));
            int at = (program.paramBytes + align - 1) / align * align;
            params.put(m.group(3), at);
            program.params.add(new int[] {at, bytes});
            program.paramBytes = at + bytes;
        }
    }

    /** Splits the body into statements: braces at the start of a statement are scopes, elsewhere operands. */
    private void body(String ptx, int at) {
        for (String s : SPECIAL) scope.names.put(s, new Register('i', program.ints++));
        for (int depth = 1; depth > 0; ) {
            while (Character.isWhitespace(ptx.charAt(at))) at++;
            char c = ptx.charAt(at);
            if (c == '{') {
                scope = new Scope(scope);
                depth++;
                at++;
                continue;
            }
            if (c == '}') {
                if (--depth > 0) scope = scope.outer;
                at++;
                continue;
            }
            Matcher label = Pattern.compile("([\\w$]+)\\s*:(?!:)").matcher(ptx).region(at, ptx.length());
            if (label.lookingAt()) {
                scope.labels.put(label.group(1), code.size());
                at = label.end();
                continue;
            }
            boolean line = ptx.startsWith(".loc", at);
            int end = ptx.indexOf(line ? '\n' : ';', at);
            String statement = ptx.substring(at, end).strip().replaceAll("\\s+", " ");
            int start = at;
            at = end + 1;
            if (line) location(statement);
            else if (c == '.') declaration(statement);
            else instruction(statement, start);
        }
        var exit = Decoder.exit(); // falling off the end
        exit.text = "ret";
        exit.where = where;
        code.add(exit);
        for (Jump j : jumps) {
            Scope s = j.scope;
            while (s != null && !s.labels.containsKey(j.label)) s = s.outer;
            if (s == null) throw new IllegalArgumentException("no label " + j.label);
            j.branch.target = s.labels.get(j.label);
        }
        for (int i = 0; i < code.size(); i++) code.get(i).pc = i;
        dynamicShared();
        program.code = code.toArray(Instruction[]::new);
    }

    private void location(String s) { // .loc file line column[, function_name label, inlined_at file line column]
        String[] t = s.replace(",", "").split(" ");
        String place = t[1] + " " + t[2];
        if (t.length > 6) inlined.put(place, t[t.length - 3] + " " + t[t.length - 2]);
        else inlined.remove(place);
        var chain = new ArrayList<String>();
        for (String p = place; p != null && chain.size() < 8; p = inlined.get(p)) {
            String[] q = p.split(" ");
            chain.addFirst(files.getOrDefault(Integer.valueOf(q[0]), "?") + ":" + q[1]);
        }
        where = String.join(" > ", chain);
    }

    private void declaration(String s) {
        Matcher reg = Pattern.compile("\\.reg \\.([a-z])(\\w+) (.*)").matcher(s);
        if (reg.matches()) {
            char file = s.contains(".pred") ? 'p' : reg.group(2).equals("64") ? 'q' : 'i';
            for (String name : reg.group(3).split(",")) {
                name = name.strip();
                if (name.contains("<")) scope.families.put(name.substring(0, name.indexOf('<')), file);
                else scope.names.put(name, newRegister(file));
            }
            return;
        }
        Matcher array = Pattern.compile("\\.shared \\.align (\\d+) \\.[a-z](\\d+) ([\\w$]+)(\\[(\\d+)\\])?")
                .matcher(s);
        if (array.matches()) {
            if (program.dynamicShared != 0) throw new Unsupported("a static array after dynamic shared memory");
            int align = Integer.parseInt(array.group(1));
            int n = array.group(5) == null ? 1 : Integer.parseInt(array.group(5));
            int at = (sharedTop + align - 1) / align * align, bytes = n * Integer.parseInt(array.group(2)) / 8;
            symbols.put(array.group(3), at);
            program.shared.add(new int[] {at, bytes});
            sharedTop = at + bytes + 128; // a red zone after each
            return;
        }
        if (!s.startsWith(".pragma")) throw new Unsupported(s);
    }

    private Register newRegister(char file) {
        return new Register(file, file == 'p' ? program.predicates++ : file == 'q' ? program.longs++ : program.ints++);
    }

    Register register(String name) {
        for (Scope s = scope; s != null; s = s.outer) {
            Register r = s.names.get(name);
            if (r != null) return r;
            Character file = s.families.get(name.replaceAll("\\d+$", ""));
            if (file != null) {
                s.names.put(name, r = newRegister(file));
                return r;
            }
        }
        return null;
    }

    private Long constant(String s) {
        if (s.matches("0[fF][0-9a-fA-F]{8}")) return Long.parseLong(s.substring(2), 16);
        if (s.matches("-?\\d+U?")) return Long.parseLong(s.replace("U", ""));
        if (s.matches("0[xX][0-9a-fA-F]+U?"))
            return Long.parseUnsignedLong(s.substring(2).replace("U", ""), 16);
        if (dynamic.contains(s)) return (long) dynamicShared();
        if (symbols.containsKey(s)) return (long) symbols.get(s);
        if (params.containsKey(s)) return PARAM_BASE + params.get(s);
        throw new Unsupported("operand " + s);
    }

    /** A branch's target is known once all labels are. */
    void jump(Instruction branch, String label) {
        jumps.add(new Jump(branch, scope, label));
    }

    private int dynamicShared() { // after the static arrays, which NVRTC declares first
        if (program.dynamicShared == 0) program.dynamicShared = sharedTop + 1023 & ~1023;
        return program.dynamicShared;
    }

    /** The slot of a register or constant: 32-bit file, 64-bit file, predicates. */
    int i(String s) {
        Register r = register(s);
        if (r == null) {
            int v = constant(s).intValue();
            r = outermost().names.computeIfAbsent("int " + v, _ -> newRegister('i'));
            program.intConstants.put(r.slot, v);
        }
        if (r.file != 'i') throw new Unsupported("operand " + s + " of 64 bits or a predicate here");
        touched.add(r.slot);
        return r.slot;
    }

    int q(String s) {
        Register r = register(s);
        if (r == null) {
            long v = constant(s);
            r = outermost().names.computeIfAbsent("long " + v, _ -> newRegister('q'));
            program.longConstants.put(r.slot, v);
        }
        if (r.file != 'q') throw new Unsupported("operand " + s + " of 32 bits here");
        return r.slot;
    }

    int p(String s) {
        Register r = register(s);
        if (r == null || r.file != 'p') throw new Unsupported("predicate " + s);
        return r.slot;
    }

    private Scope outermost() {
        Scope s = scope;
        while (s.outer != null) s = s.outer;
        return s;
    }

    int[] vector(String s) {
        return Arrays.stream(s.replaceAll("[{}]", "").split(","))
                .mapToInt(x -> i(x.strip()))
                .toArray();
    }

    static String[] operands(String s) { // commas outside braces and brackets
        var out = new ArrayList<String>();
        int depth = 0, start = 0;
        for (int k = 0; k < s.length(); k++) {
            char c = s.charAt(k);
            if (c == '{' || c == '[') depth++;
            if (c == '}' || c == ']') depth--;
            if (c == ',' && depth == 0) {
                out.add(s.substring(start, k).strip());
                start = k + 1;
            }
        }
        if (start < s.length()) out.add(s.substring(start).strip());
        return out.toArray(String[]::new);
    }

    private void instruction(String s, int position) {
        touched = new ArrayList<>();
        String text = s;
        int predicate = -1;
        boolean negated = false;
        if (s.startsWith("@")) {
            int space = s.indexOf(' ');
            negated = s.charAt(1) == '!';
            predicate = p(s.substring(negated ? 2 : 1, space));
            s = s.substring(space + 1);
        }
        int space = s.indexOf(' ');
        String op = space < 0 ? s : s.substring(0, space);
        Instruction in;
        try {
            in = decoder.decode(op, space < 0 ? new String[0] : operands(s.substring(space + 1)));
        } catch (Unsupported | IndexOutOfBoundsException e) {
            throw new Unsupported("not modelled: " + where + " `" + text + "`: " + e.getMessage());
        }
        in.predicate = predicate;
        in.negated = negated;
        in.text = s;
        in.position = position;
        in.where = where;
        in.touched = touched.stream()
                .mapToInt(x -> x)
                .filter(x -> !program.intConstants.containsKey(x))
                .toArray();
        code.add(in);
    }
}
