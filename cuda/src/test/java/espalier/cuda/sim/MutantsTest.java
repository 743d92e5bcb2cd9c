package espalier.cuda.sim;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cuda.cases.Workbench;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Do the references and checks notice a wrong PTX instruction? Changes one executed instruction at a time: drops a
 * synchronisation, swaps two operands, changes a constant. A mutant is found if the result is wrong, a check says
 * something, or the parser refuses it. Some change nothing (a remainder loop that does not run at this shape, bits below
 * the result's), so not all can be found. {@code -Despalier.mutants=N} makes N of each rule and kernel, 1 by default.
 */
class MutantsTest {
    private static final long SEED = 5;
    private static final double SHARE = 0.75;
    private static final long INSTRUCTIONS = 2_000_000;
    private static final int SCHEDULES = 3;
    private static final Pattern DROP =
            Pattern.compile("(bar\\.|cp\\.async\\.(wait|commit)|wgmma\\.(fence|commit|wait)|fence\\.|mbarrier\\.).*");
    private static final Pattern NUMBER = Pattern.compile("(?<![\\w%.$:])-?\\d+(?![\\w.])");

    /** What is mutated, at a shape. */
    private enum Subject {
        ADD_RMSNORM("80", b -> Specimens.addRmsnorm(b, 2, 1536, 128)),
        DECODE_ATTN("80", b -> Specimens.decodeAttn(b, new Specimens.Decode(new int[] {200, 77}, 4, 2, 64, 16, 2))),
        PREFILL_ATTN("80", b -> Specimens.prefillAttn(b, 200, 2, 1, 64)),
        GEMM_WGMMA("90a", b -> Specimens.gemmWgmma(b, 70, 136, 512));

        private final String arch;
        private final Specimens.Run run;

        Subject(String arch, Specimens.Run run) {
            this.arch = arch;
            this.run = run;
        }

        String kernel() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    private enum Rule {
        DROP,
        SWAP,
        CONSTANT
    }

    /** The text of an instruction instead of the one at a place of the PTX. */
    private record Mutant(Instruction at, String now) {
        String apply(String ptx) {
            String t = PtxModule.strip(ptx);
            int end = t.indexOf(';', at.position);
            String whole = t.substring(at.position, end);
            int predicate = whole.startsWith("@") ? whole.indexOf(whole.indexOf('\t') > 0 ? '\t' : ' ') + 1 : 0;
            String keep = now.isEmpty() ? "" : whole.substring(0, predicate) + now + ";";
            return t.substring(0, at.position) + keep + t.substring(end + 1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void wrongInstructionsAreNoticed(Subject subject) {
        int each = Integer.getInteger("espalier.mutants", 1);
        var unnoticed = new ArrayList<String>();
        int all = 0;
        List<Instruction> code = executed(subject);
        var random = new Random(SEED);
        for (Rule rule : Rule.values()) {
            Collections.shuffle(code, random);
            int done = 0;
            for (Instruction in : code) {
                Mutant mutant = done == each ? null : mutant(rule, in, random);
                if (mutant != null) {
                    done++;
                    all++;
                    if (!isNoticed(subject, mutant)) {
                        unnoticed.add(in + " -> " + mutant.now);
                    }
                }
            }
        }
        assertThat(unnoticed).hasSizeLessThanOrEqualTo((int) Math.ceil(all * (1 - SHARE)));
    }

    /** Those of its kernel; none without NVRTC. */
    private static List<Instruction> executed(Subject subject) {
        var code = new ArrayList<Instruction>();
        run(subject, UnaryOperator.identity(), 0)
                .ifPresent(device -> device.counters().executed(subject.kernel(), code::add));
        return code;
    }

    private static Optional<SimulatedDriver> run(Subject subject, UnaryOperator<String> edit, int schedule) {
        var setup = SimulatedDriver.Setup.of(subject.arch).schedule(schedule).ptx(edit);
        Optional<SimulatedDriver> driver = SimulatedDriver.open(setup);
        driver.ifPresent(device -> {
            device.simulator().instructionLimit = INSTRUCTIONS;
            try (var bench = new Workbench(device)) {
                if (!subject.run.on(bench).right()) {
                    device.simulator().report(Finding.Kind.UNINITIALISED, subject.kernel(), "the result is wrong");
                }
            }
        });
        return driver;
    }

    private static boolean isNoticed(Subject subject, Mutant mutant) {
        try {
            for (int schedule = 0; schedule < SCHEDULES; schedule++) {
                if (!run(subject, mutant::apply, schedule)
                        .orElseThrow()
                        .findings()
                        .isEmpty()) {
                    return true;
                }
            }
            return false;
        } catch (PtxParser.Unsupported e) {
            return true;
        }
    }

    private static Mutant mutant(Rule rule, Instruction in, Random random) {
        String now = switch (rule) {
            case DROP -> DROP.matcher(in.text).matches() ? "" : null;
            case SWAP -> swapped(in.text, random);
            case CONSTANT -> otherConstant(in.text, random);
        };
        return now == null || now.equals(in.text) ? null : new Mutant(in, now);
    }

    private static String swapped(String t, Random r) {
        if (t.matches("(cvt\\.rn\\.bf16x2|sub\\.|selp\\.|div\\.|setp\\.(lt|le|gt|ge)).*")) {
            return swap(t, 1, 2);
        } else if (t.matches("(fma|mad\\.lo)\\..*")) {
            return swap(t, 2, 3);
        } else if (t.startsWith("mma.")) {
            return r.nextBoolean() ? swapWithin(t, 1, 1, 2) : swapWithin(t, 2, 0, 1);
        } else if (t.matches("(ldmatrix|ld\\.\\w+(\\.nc)?\\.v4).*")) {
            return swapWithin(t, 0, 1, 2);
        } else if (t.matches("st\\.\\w+\\.v4.*")) {
            return swapWithin(t, 1, 1, 2);
        } else if (t.startsWith("wgmma.mma_async")) {
            return r.nextBoolean() ? swap(t, 1, 2) : swapWithin(t, 0, 2, 3);
        }
        return null;
    }

    private static String swap(String text, int a, int b) {
        int space = text.indexOf(' ');
        String[] o = PtxParser.operands(text.substring(space + 1));
        exchange(o, a, b);
        return text.substring(0, space + 1) + String.join(", ", o);
    }

    /** Two registers within an operand's braces. */
    private static String swapWithin(String text, int operand, int a, int b) {
        int space = text.indexOf(' ');
        String[] o = PtxParser.operands(text.substring(space + 1));
        String[] v = o[operand].replaceAll("[{}]", "").split(",");
        exchange(v, a, b);
        o[operand] = "{" + String.join(",", v) + "}";
        return text.substring(0, space + 1) + String.join(", ", o);
    }

    private static void exchange(String[] x, int a, int b) {
        String first = x[a];
        x[a] = x[b];
        x[b] = first;
    }

    private static String otherConstant(String t, Random r) {
        if (t.matches("(bra|bar|ret|setmaxnreg|wgmma|mma|fence).*")) {
            return null;
        }
        var places = new ArrayList<int[]>();
        for (Matcher m = NUMBER.matcher(t); m.find(); ) {
            places.add(new int[] {m.start(), m.end()});
        }
        if (places.isEmpty()) {
            return null;
        }
        int[] p = places.get(r.nextInt(places.size()));
        long v = Long.parseLong(t.substring(p[0], p[1]));
        return t.substring(0, p[0]) + (v == 0 ? 1 : r.nextBoolean() ? v * 2 : v + 1) + t.substring(p[1]);
    }
}
