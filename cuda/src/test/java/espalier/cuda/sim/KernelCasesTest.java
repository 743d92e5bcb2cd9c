package espalier.cuda.sim;

import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import espalier.cuda.cases.KernelCase;
import espalier.cuda.cases.KernelCases;
import espalier.cuda.cases.Workbench;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/**
 * Every kernel of the product, from the code that NVRTC emits for each architecture, against its plain reference and with
 * every check on. Each case runs in one schedule of blocks and warps an architecture, another one on the next;
 * {@code -Despalier.schedules=3} runs all of them.
 */
class KernelCasesTest {
    private static final int SCHEDULES = 3;

    @TestFactory
    Stream<DynamicNode> everyKernelIsRightAndRaisesNothing() {
        return Architectures.ALL.stream().map(arch -> dynamicContainer("sm_" + arch, cases(arch).stream()));
    }

    private static List<DynamicNode> cases(String arch) {
        int each = Integer.getInteger("espalier.schedules", 1);
        var tests = new ArrayList<DynamicNode>();
        List<KernelCase> cases = KernelCases.all();
        for (int k = 0; k < cases.size(); k++) {
            KernelCase one = cases.get(k);
            int first = k + Architectures.ALL.indexOf(arch);
            if (one.runsOn(Architectures.properties(arch, 1 << 20))) {
                tests.add(dynamicTest(one.name(), () -> {
                    for (int s = first; s < first + each; s++) {
                        check(one, SimulatedDriver.Setup.of(arch).schedule(s % SCHEDULES));
                    }
                }));
            }
        }
        return tests;
    }

    private static void check(KernelCase one, SimulatedDriver.Setup setup) {
        Optional<SimulatedDriver> driver = SimulatedDriver.open(setup);
        if (driver.isEmpty()) {
            return;
        }
        try (SimulatedDriver device = driver.get();
                var bench = new Workbench(device)) {
            one.check(bench);
            device.synchronize(bench.stream());
            device.expectNoFindings();
        }
    }
}
