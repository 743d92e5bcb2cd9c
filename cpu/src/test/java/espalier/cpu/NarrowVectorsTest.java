package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.contract.OpCase;
import espalier.contract.Scene;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.Matrix;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The Vector API's products with the vectors of other processors: 128 bits, as on Arm, and 256, in a JVM of their own. */
class NarrowVectorsTest {
    @ParameterizedTest
    @ValueSource(ints = {16, 32})
    void productsAreRightAndTheSameForAnyNumberOfRows(int vectorBytes) throws Exception {
        Process jvm = jvm(vectorBytes);
        String said = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(jvm.waitFor()).as(said).isZero();
        // a processor with shorter vectors keeps those
        assertThat(said).containsPattern("vectors of (" + vectorBytes + "|16) bytes: all is well");
    }

    private static Process jvm(int vectorBytes) throws IOException, URISyntaxException {
        var path = new ArrayList<String>();
        for (Class<?> each : List.of(
                CpuDevice.class,
                NarrowVectorsTest.class,
                Matrix.class,
                Scene.class,
                Assertions.class,
                ValueSource.class)) {
            path.add(Path.of(each.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString());
        }
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:MaxVectorSize=" + vectorBytes,
                        "-XX:+UseSerialGC",
                        "-Xmx1g",
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        String.join(System.getProperty("path.separator"), path),
                        Checks.class.getName())
                .redirectErrorStream(true)
                .start();
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
