package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.contract.OpCase;
import espalier.contract.Scene;
import espalier.tensor.DeviceProvider.CpuKernels;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The Vector API's products with the vectors of other processors: 128 bits, as on Arm, and 256, in a JVM of their own. */
class NarrowVectorsTest {
    @ParameterizedTest
    @ValueSource(ints = {16, 32})
    void productsAreRightAndTheSameForAnyNumberOfRows(int vectorBytes) throws Exception {
        List<String> flags = List.of("-XX:MaxVectorSize=" + vectorBytes, "--enable-native-access=ALL-UNNAMED");
        String said = OtherJvm.run(flags, Checks.class);
        // a processor with shorter vectors keeps those
        assertThat(said).containsPattern("vectors of (" + vectorBytes + "|16) bytes: all is well");
    }

    /** What the other JVM runs. */
    static final class Checks {
        private Checks() {}

        public static void main(String[] args) {
            var products = new PreparedProductTest();
            products.blocksAreMultipliedAsWholeNumbersOrAsBf16OrAsFloats(CpuKernels.VECTOR);
            products.aRowIsTheSameAloneInEveryBatchAndWithAnyThreads(CpuKernels.VECTOR);
            try (CpuDevice device = TestDevices.inFloats(2)) {
                for (OpCase c : OpCase.all()) {
                    if (c.name().startsWith("matmul")) {
                        c.check(device, Scene.Manner.PREPARED);
                    }
                }
            }
            System.out.println("vectors of " + Lanes.V + " bytes: all is well");
        }
    }
}
