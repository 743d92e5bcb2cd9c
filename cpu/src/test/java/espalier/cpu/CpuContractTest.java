package espalier.cpu;

import espalier.contract.OpCase;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every op does what the reference does. */
class CpuContractTest {

    @ParameterizedTest
    @MethodSource("espalier.contract.OpCase#all")
    void equalsTheReference(OpCase c) {
        try (var device = new CpuDevice(2)) {
            c.check(device);
        }
    }
}
