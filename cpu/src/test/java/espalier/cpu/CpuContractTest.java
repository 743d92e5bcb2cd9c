package espalier.cpu;

import espalier.contract.OpCase;
import espalier.contract.Scene;
import java.util.stream.Stream;
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

    /** Those whose weights are used in the form that the device makes of them. */
    static Stream<OpCase> products() {
        return OpCase.all().stream().filter(c -> c.name().startsWith("matmul"));
    }

    @ParameterizedTest
    @MethodSource("products")
    void equalsTheReferenceWithPreparedWeights(OpCase c) {
        c.check(DEVICE, Scene.Manner.PREPARED);
    }
}
