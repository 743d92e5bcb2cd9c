package espalier.cuda.sim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A module of PTX text as NVRTC writes it: files, variables, functions and kernels (PTX ISA 4, 5, 11), found by their
 * directives; {@link PtxParser} reads the bodies.
 */
final class PtxModule {
    private static final Pattern COMMENT = Pattern.compile("//[^\n]*");
    private static final Pattern FILE = Pattern.compile("\\.file\\s+(\\d+)\\s+\"([^\"]*)\"");
    private static final Pattern DYNAMIC = Pattern.compile("\\.extern\\s+\\.shared\\s[^;]*?([\\w$]+)\\[\\]");
    private static final Pattern VARIABLE = Pattern.compile("(?m)^\\s*(?:\\.visible\\s+|\\.weak\\s+|\\.common\\s+)*"
            + "\\.(global|const|shared)\\s+(?:\\.align\\s+(\\d+)\\s+)?\\.[a-z](\\d+)\\s+([\\w$]+)\\s*(?:\\[(\\d+)\\])?"
            + "\\s*(?:=\\s*([^;]*))?;");
    private static final Pattern FUNCTION =
            Pattern.compile("\\.func\\s*(?:\\(([^)]*)\\)\\s*)?([\\w$]+)\\s*\\(([^)]*)\\)(?:\\s*\\.\\w+)*\\s*\\{");
    private static final Pattern ENTRY = Pattern.compile("\\.entry\\s+([\\w$]+)\\s*\\(");
    private static final Pattern BOUND = Pattern.compile("\\.maxntid (\\d+)(?:, (\\d+), (\\d+))?");
    private static final Pattern NUMBER = Pattern.compile("0[fF][0-9a-fA-F]{8}|0[xX][0-9a-fA-F]+|-?\\d+");

    /** Where the variables of a module go. */
    interface Variables {
        /** @return the address of a new variable with these contents */
        long place(byte[] contents);
    }

    /** A function that kernels call: results and parameters as declared, where its body begins. */
    record Function(String results, String params, int body) {}

    /** A shared array of the module. */
    record SharedArray(int align, int bytes) {}

    final String text;
    final Map<Integer, String> files = new HashMap<>();
    /** External shared arrays: all at one address. */
    final List<String> dynamic = new ArrayList<>();

    final Map<String, Long> globals = new HashMap<>();
    final Map<String, SharedArray> shared = new HashMap<>();
    final Map<String, Function> functions = new HashMap<>();

    private PtxModule(String text) {
        this.text = text;
    }

    /** The text without comments; {@link Instruction#position} counts in it. */
    static String strip(String ptx) {
        return COMMENT.matcher(ptx).replaceAll("");
    }

    /** All kernels of a module, by name. */
    static Map<String, KernelCode> kernels(String ptx, Variables variables) {
        var module = new PtxModule(strip(ptx));
        module.declarations(variables);
        var kernels = new LinkedHashMap<String, KernelCode>();
        for (Matcher entry = ENTRY.matcher(module.text); entry.find(); ) {
            int close = module.text.indexOf(')', entry.end()), open = module.text.indexOf('{', close);
            var code = new KernelCode(entry.group(1));
            Matcher bound = BOUND.matcher(module.text).region(close, open);
            if (bound.find()) {
                code.maxThreads = threads(bound.group(1)) * threads(bound.group(2)) * threads(bound.group(3));
            }
            new PtxParser(module, code).parse(module.text.substring(entry.end(), close), open + 1);
            kernels.put(code.name, code);
        }
        return kernels;
    }

    private static int threads(String n) {
        return n == null ? 1 : Integer.parseInt(n);
    }

    private void declarations(Variables variables) {
        for (Matcher m = FILE.matcher(text); m.find(); ) {
            files.put(Integer.valueOf(m.group(1)), m.group(2).replaceAll(".*/", ""));
        }
        for (Matcher m = DYNAMIC.matcher(text); m.find(); ) {
            dynamic.add(m.group(1));
        }
        for (Matcher m = FUNCTION.matcher(text); m.find(); ) {
            functions.put(m.group(2), new Function(m.group(1) == null ? "" : m.group(1), m.group(3), m.end()));
        }
        int bodies = firstBody(); // variables of the module come before all bodies
        for (Matcher m = VARIABLE.matcher(text).region(0, bodies); m.find(); ) {
            int unit = Integer.parseInt(m.group(3)) / 8, n = m.group(5) == null ? 1 : Integer.parseInt(m.group(5));
            if (m.group(1).equals("shared")) {
                int align = m.group(2) == null ? unit : Integer.parseInt(m.group(2));
                shared.put(m.group(4), new SharedArray(align, unit * n));
            } else {
                globals.put(m.group(4), variables.place(contents(m.group(6), unit, n)));
            }
        }
    }

    private int firstBody() {
        Matcher entry = Pattern.compile("\\.entry\\s").matcher(text), function = FUNCTION.matcher(text);
        int first = entry.find() ? entry.start() : text.length();
        return function.find() ? Math.min(first, function.start()) : first;
    }

    private static byte[] contents(String values, int unit, int n) {
        byte[] bytes = new byte[unit * n];
        if (values == null) {
            return bytes; // CUDA's variables begin with zeros
        }
        if (values.contains("generic")
                || values.matches(".*[g-zG-Z_$].*") && !values.matches("[\\s{},0-9a-fA-FxX-]*")) {
            throw new PtxParser.Unsupported("a variable that begins with an address: " + values);
        }
        int k = 0;
        for (Matcher m = NUMBER.matcher(values); m.find(); k++) {
            String s = m.group();
            long v = s.matches("0[fFxX].*") ? Long.parseUnsignedLong(s.substring(2), 16) : Long.parseLong(s);
            Memory.put(bytes, k * unit, unit, v);
        }
        return bytes;
    }
}
