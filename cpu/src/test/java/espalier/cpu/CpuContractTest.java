package espalier.cpu;

import espalier.contract.OpCase;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every op does what the reference does. */
class CpuContractTest {
    private static final CpuDevice DEVICE = TestDevices.inFloats(2);

    @AfterAll
    static void close() {
        DEVICE.close();
    }

    @ParameterizedTest
    @MethodSource("espalier.contract.OpCase#all")
    void equalsTheReference(OpCase c) {
        c.check(DEVICE);
    }
}
