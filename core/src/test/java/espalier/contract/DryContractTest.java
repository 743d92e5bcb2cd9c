package espalier.contract;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.tensor.reference.DryDevice;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The dry device accepts every call that the others accept: only then do its refusals mean something. */
class DryContractTest {

    @ParameterizedTest
    @MethodSource("espalier.contract.OpCase#all")
    void acceptsAndCountsTheCase(OpCase c) {
        try (var dry = new DryDevice()) {
            c.body().run(Scene.blind(dry, 1));
            assertThat(dry.calls()).isPositive();
        }
    }
}
