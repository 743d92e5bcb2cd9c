package espalier.cuda.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import espalier.cuda.cases.KernelCase;
import espalier.cuda.cases.KernelCases;
import espalier.cuda.cases.Workbench;
import espalier.cuda.driver.Program;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/**
 * Every kernel of the product, from the code that NVRTC emits for each architecture, against its plain reference and with
 * every check on. Each case runs in one schedule of blocks and warps an architecture, another one on the next;
 * {@code -Despalier.schedules=3} runs all of them.
 *
 * <p>Then ptxas compiles all that was executed for the real architectures: no spill, no warning, no performance remark; and
 * the table of registers in docs/kernels.md is compared with what it says ({@code -Despalier.kernels.write=true} writes it).
 */
class KernelCasesTest {
    private static final int SCHEDULES = 3;
    private static final int CHECK_MEMORY = 1 << 20;
    private static final Pattern UNROUNDED =
            Pattern.compile("\\b(add|sub|mul)(\\.ftz)?(\\.sat)?\\.(f16|f16x2|bf16|bf16x2|f32|f64) ");

    /** Programs that may spill, with the reason. */
    private static final Map<String, String> EXCUSED = Map.of(
            "product_wgmma.cu -DEPILOGUE=1 -DKB=1 -DMT=128 -DROWS=256 -DSPLIT=2 -DSTAGES=3",
            "so tall a tile for half of K is chosen on the simulated device's four multiprocessors only");

    private final KernelTable table;

    KernelCasesTest() {
        table = new KernelTable(
                PtxCompiler.find("80").map(c -> c.nvrtc().version().toString()).orElse("?"));
    }

    @TestFactory
    Stream<DynamicNode> everyKernelIsRightAndRaisesNothing() {
        List<String> archs = Architectures.ALL;
        var nodes = new ArrayList<DynamicNode>();
        for (String arch : archs) {
            Set<Program> programs = ConcurrentHashMap.newKeySet();
            List<DynamicNode> tests = cases(arch, programs);
            tests.add(dynamicTest("ptxas has nothing to complain of", () -> expectNoComplaint(arch, programs)));
            tests.add(dynamicTest("ptxas has nothing to contract", () -> expectRounded(arch, programs)));
            nodes.add(dynamicContainer("sm_" + arch, tests));
        }
        Path document = Path.of(System.getProperty("espalier.root", ".."), "docs", "kernels.md");
        nodes.add(dynamicTest(
                "the table of registers is up to date",
                () -> assertThat(table.check(document, Boolean.getBoolean("espalier.kernels.write")))
                        .isEmpty()));
        return nodes.stream();
    }

    private static List<DynamicNode> cases(String arch, Set<Program> programs) {
        int each = Integer.getInteger("espalier.schedules", 1);
        var tests = new ArrayList<DynamicNode>();
        List<KernelCase> cases = KernelCases.all();
        for (int k = 0; k < cases.size(); k++) {
            KernelCase one = cases.get(k);
            int first = k + Architectures.ALL.indexOf(arch);
            if (one.runsOn(Architectures.properties(arch, CHECK_MEMORY))) {
                tests.add(dynamicTest(one.name(), () -> {
                    for (int s = first; s < first + each; s++) {
                        programs.addAll(
                                check(one, SimulatedDriver.Setup.of(arch).schedule(s % SCHEDULES)));
                    }
                }));
            }
        }
        return tests;
    }

    /** @return what was compiled */
    private static Set<Program> check(KernelCase one, SimulatedDriver.Setup setup) {
        Optional<SimulatedDriver> driver = SimulatedDriver.open(setup);
        if (driver.isEmpty()) {
            return Set.of();
        }
        try (SimulatedDriver device = driver.get();
                var bench = new Workbench(device)) {
            one.check(bench);
            device.synchronize(bench.stream());
            device.expectNoFindings();
            return device.programs();
        }
    }

    /** A sum or product that does not say how it is rounded may become part of another, and a GPU has other bits than here. */
    private static void expectRounded(String arch, Set<Program> programs) {
        Optional<PtxCompiler> compiler = PtxCompiler.find(arch);
        var open = new ConcurrentSkipListSet<String>();
        compiler.ifPresent(c -> programs.parallelStream()
                .forEach(p -> UNROUNDED
                        .matcher(c.ptx(p))
                        .results()
                        .forEach(found -> open.add(p.title() + ": " + found.group()))));
        assertThat(open).isEmpty();
    }

    private void expectNoComplaint(String arch, Set<Program> programs) {
        Optional<PtxCompiler> compiler = PtxCompiler.find(arch);
        var complaints = new ConcurrentSkipListSet<String>();
        compiler.ifPresent(c -> programs.stream()
                .sorted(Comparator.comparing(Program::title))
                .parallel()
                .forEach(p -> {
                    PtxasLog log = PtxasLog.read(c.log(p));
                    table.add(p.name(), arch, log);
                    if (!EXCUSED.containsKey(p.title())) {
                        log.complaints().forEach(x -> complaints.add(p.title() + ": " + x));
                    }
                }));
        assertThat(complaints).isEmpty();
    }
}
