package espalier.cuda.sim;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cuda.cases.Workbench;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Correct kernels give right results in every order, and raise no finding. */
class SpecimensTest {
    @ParameterizedTest
    @ValueSource(strings = {"75", "80", "86", "89", "90a", "100a", "120"})
    void aRightKernelIsRightAndRaisesNothingInAnyOrder(String arch) {
        for (int schedule = 0; schedule < 3; schedule++) {
            var driver = SimulatedDriver.open(SimulatedDriver.Setup.of(arch).schedule(schedule));
            if (driver.isEmpty()) {
                return;
            }
            for (Specimens.Named specimen : Specimens.all(arch)) {
                try (var bench = new Workbench(driver.get())) {
                    Specimens.Result result = specimen.run().on(bench);
                    assertThat(result.error()).as(specimen.name()).isLessThanOrEqualTo(result.allowed());
                }
                driver.get().expectNoFindings();
            }
        }
    }
}
