package espalier.cuda.sim;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The body of a kernel to decoded instructions (PTX ISA 4 "Syntax", 5 "State Spaces", 7 "Instruction Operands").
 *
 * <p>Reads what NVRTC writes, not all of PTX: statements up to semicolons, scopes in braces around inline asm, line
 * numbers. What is unknown is refused with its line; nothing is skipped in silence. A call becomes the body of its
 * function at that place, in a scope of its own, its parameters in local memory: functions that call themselves are
 * refused.
 */
final class PtxParser {
    /** PTX that this simulator does not model. */
    static final class Unsupported extends RuntimeException {
        private static final long serialVersionUID = 1;

        Unsupported(String what) {
            super(what);
        }
    }

    private static final Pattern PARAM =
            Pattern.compile("\\.param\\s+(?:\\.align\\s+(\\d+)\\s+)?\\.[a-z](\\d+)[^,\\[]*?"
                    + "([\\w$]+)\\s*(?:\\[(\\d+)\\])?\\s*(?:,|;|$)");
    private static final Pattern LABEL = Pattern.compile("([\\w$]+)\\s*:(?!:)");
    private static final Pattern REGISTERS = Pattern.compile("\\.reg \\.([a-z]+)(\\d*) (.*)");
    private static final Pattern ARRAY =
            Pattern.compile("\\.(shared|local) \\.align (\\d+) \\.[a-z](\\d+) ([\\w$]+)(\\[(\\d+)\\])?");
    private static final Pattern CALL =
            Pattern.compile("call(?:\\.uni)?\\s*(?:\\(([^)]*)\\)\\s*,\\s*)?([\\w$]+)\\s*(?:,\\s*\\(([^)]*)\\))?");
    private static final Pattern BLANKS = Pattern.compile("\\s+");
    private static final String RETURN = "return";
    private static final int RED_ZONE = 128, MOST_INLINED = 8;

    private record Jump(Instruction branch, Registers.Scope scope, String label) {}

    private final PtxModule module;
    private final KernelCode kernel;
    private final Registers names;
    private final Decoder decoder;
    private final List<Jump> jumps = new ArrayList<>();
    private final List<Instruction> code = new ArrayList<>();
    private final Map<String, String> inlined = new HashMap<>(); // "2 49" -> "1 35": where a place was inlined last
    private final Deque<String> calls = new ArrayDeque<>();
    private int sharedTop = RED_ZONE; // addresses below are a red zone
    private String where = "?";

    PtxParser(PtxModule module, KernelCode kernel) {
        this.module = module;
        this.kernel = kernel;
        names = new Registers(kernel);
        decoder = new Decoder(this, names);
        module.globals.forEach(names::symbol);
    }

    /** {@code params}: what stands in the parentheses; {@code at}: where the body begins. */
    void parse(String params, int at) {
        for (Matcher m = PARAM.matcher(params.strip()); m.find(); ) {
            int place = align(kernel.paramBytes, alignment(m));
            names.param(m.group(3), place);
            kernel.params.add(new int[] {place, bytes(m)});
            kernel.paramBytes = place + bytes(m);
        }
        module.shared.forEach((name, array) -> shared(name, array.align(), array.bytes()));
        sharedArrays(at);
        body(at);
        var exit = Decoder.exit(); // falling off the end
        exit.text = "ret";
        exit.where = where;
        code.add(exit);
        for (Jump j : jumps) {
            j.branch.target = target(j);
        }
        for (int i = 0; i < code.size(); i++) {
            code.get(i).pc = i;
        }
        kernel.code = code.toArray(Instruction[]::new);
    }

    private static int align(int at, int alignment) {
        return (at + alignment - 1) / alignment * alignment;
    }

    private static int alignment(Matcher param) {
        return param.group(1) == null ? Integer.parseInt(param.group(2)) / 8 : Integer.parseInt(param.group(1));
    }

    private static int bytes(Matcher param) {
        int unit = Integer.parseInt(param.group(2)) / 8;
        return param.group(4) == null ? unit : unit * Integer.parseInt(param.group(4));
    }

    private static int target(Jump j) {
        for (Registers.Scope s = j.scope; s != null; s = s.outer) {
            if (s.labels.containsKey(j.label)) {
                return s.labels.get(j.label);
            }
        }
        throw new Unsupported("no label " + j.label);
    }

    /** All static arrays of the kernel and its functions, then dynamic shared memory behind them, before any use. */
    private void sharedArrays(int at) {
        Pattern declared =
                Pattern.compile("\\.shared\\s+\\.align\\s+(\\d+)\\s+\\.[a-z](\\d+)\\s+([\\w$]+)(?:\\[(\\d+)\\])?\\s*;");
        int next = module.text.indexOf(".entry", at);
        Matcher m = declared.matcher(module.text).region(at, next < 0 ? module.text.length() : next);
        while (m.find()) {
            int n = m.group(4) == null ? 1 : Integer.parseInt(m.group(4));
            shared(m.group(3), Integer.parseInt(m.group(1)), n * Integer.parseInt(m.group(2)) / 8);
        }
        kernel.dynamicShared = align(sharedTop, 1024);
        module.dynamic.forEach(name -> names.symbol(name, kernel.dynamicShared));
    }

    private void shared(String name, int align, int bytes) {
        int at = align(sharedTop, align);
        names.symbol(name, at);
        kernel.shared.add(new int[] {at, bytes});
        sharedTop = at + bytes + RED_ZONE;
    }

    /** Splits a body into statements: braces at the start of a statement are scopes, elsewhere operands. */
    private void body(int from) {
        String ptx = module.text;
        Matcher label = LABEL.matcher(ptx);
        int at = from;
        for (int depth = 1; depth > 0; ) {
            while (Character.isWhitespace(ptx.charAt(at))) {
                at++;
            }
            char c = ptx.charAt(at);
            if (c == '{') {
                names.open();
                depth++;
                at++;
            } else if (c == '}') {
                if (--depth > 0) {
                    names.close();
                }
                at++;
            } else if (label.region(at, ptx.length()).lookingAt()) {
                names.scope().labels.put(label.group(1), code.size());
                at = label.end();
            } else {
                boolean line = ptx.startsWith(".loc", at) && !ptx.startsWith(".local", at);
                int end = ptx.indexOf(line ? '\n' : ';', at);
                statement(BLANKS.matcher(ptx.substring(at, end).strip()).replaceAll(" "), at);
                at = end + 1;
            }
        }
    }

    private void statement(String s, int at) {
        if (s.startsWith(".loc ")) {
            location(s);
        } else if (s.startsWith(".")) {
            declaration(s);
        } else if (s.startsWith("call")) {
            call(s);
        } else {
            instruction(s, at);
        }
    }

    /** {@code .loc file line column[, function_name label, inlined_at file line column]}. */
    private void location(String s) {
        String[] t = s.replace(",", "").split(" ");
        String place = t[1] + " " + t[2];
        if (t.length > 6) {
            inlined.put(place, t[t.length - 3] + " " + t[t.length - 2]);
        } else {
            inlined.remove(place);
        }
        var chain = new ArrayList<String>();
        for (String p = place; p != null && chain.size() < MOST_INLINED; p = inlined.get(p)) {
            String[] q = p.split(" ");
            chain.addFirst(module.files.getOrDefault(Integer.valueOf(q[0]), "?") + ":" + q[1]);
        }
        where = String.join(" > ", chain);
    }

    private void declaration(String s) {
        Matcher reg = REGISTERS.matcher(s), array = ARRAY.matcher(s), param = PARAM.matcher(s);
        if (reg.matches()) {
            char file = reg.group(1).equals("pred") ? 'p' : reg.group(2).equals("64") ? 'q' : 'i';
            if (reg.group(2).equals("128")) {
                throw new Unsupported(s);
            }
            for (String name : reg.group(3).split(",")) {
                names.declare(name.strip(), file);
            }
        } else if (array.matches() && array.group(1).equals("local")) {
            int n = array.group(6) == null ? 1 : Integer.parseInt(array.group(6));
            local(array.group(4), Integer.parseInt(array.group(2)), n * Integer.parseInt(array.group(3)) / 8);
        } else if (param.lookingAt()) {
            local(param.group(3), alignment(param), bytes(param));
        } else if (!array.matches() && !s.startsWith(".pragma")) {
            throw new Unsupported(s);
        }
    }

    private void local(String name, int align, int bytes) {
        int at = align(kernel.localBytes, align);
        names.local(name, at);
        kernel.localBytes = at + bytes;
    }

    // Calls

    boolean inFunction() {
        return !calls.isEmpty();
    }

    private void call(String s) {
        Matcher m = CALL.matcher(s);
        PtxModule.Function f = m.matches() ? module.functions.get(m.group(2)) : null;
        if (f == null || calls.contains(m.group(2))) {
            throw new Unsupported("not modelled: " + where + " `" + s + "`");
        }
        var scope = new HashMap<String, Integer>();
        bind(scope, f.results(), m.group(1));
        bind(scope, f.params(), m.group(3));
        calls.push(m.group(2));
        names.open();
        scope.forEach(names::local);
        names.open();
        body(f.body());
        names.close();
        names.scope().labels.put(RETURN, code.size());
        names.close();
        calls.pop();
    }

    /** A function's own names for what its caller has put into local memory. */
    private void bind(Map<String, Integer> scope, String declared, String given) {
        String[] arguments = given == null || given.isBlank() ? new String[0] : given.split(",");
        int k = 0;
        for (Matcher m = PARAM.matcher(declared.strip()); m.find(); k++) {
            scope.put(m.group(3), names.localOffset(arguments[k].strip()));
        }
    }

    Instruction jumpToReturn() {
        var branch = new Instruction(Instruction.Kind.BRANCH, null, null);
        jump(branch, RETURN);
        return branch;
    }

    /** A branch's target is known once all labels are. */
    void jump(Instruction branch, String label) {
        jumps.add(new Jump(branch, names.scope(), label));
    }

    // Instructions

    /** Commas outside braces and brackets part operands. */
    static String[] operands(String s) {
        var out = new ArrayList<String>();
        int depth = 0, start = 0;
        for (int k = 0; k < s.length(); k++) {
            char c = s.charAt(k);
            if (c == '{' || c == '[') {
                depth++;
            } else if (c == '}' || c == ']') {
                depth--;
            } else if (c == ',' && depth == 0) {
                out.add(s.substring(start, k).strip());
                start = k + 1;
            }
        }
        if (start < s.length()) {
            out.add(s.substring(start).strip());
        }
        return out.toArray(String[]::new);
    }

    private void instruction(String statement, int position) {
        names.begin();
        String s = statement;
        int predicate = -1;
        boolean negated = false;
        if (s.startsWith("@")) {
            int space = s.indexOf(' ');
            negated = s.charAt(1) == '!';
            predicate = names.p(s.substring(negated ? 2 : 1, space));
            s = s.substring(space + 1);
        }
        int space = s.indexOf(' ');
        String op = space < 0 ? s : s.substring(0, space);
        Instruction in;
        try {
            in = decoder.decode(op, space < 0 ? new String[0] : operands(s.substring(space + 1)));
        } catch (Unsupported | IndexOutOfBoundsException | NumberFormatException e) {
            throw new Unsupported("not modelled: " + where + " `" + statement + "`: " + e.getMessage());
        }
        in.predicate = predicate;
        in.negated = negated;
        in.text = s;
        in.position = position;
        in.where = where;
        in.touched = names.touched();
        code.add(in);
    }
}
