package espalier.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cuda.cases.Workbench;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.sim.SimulatedDriver;
import espalier.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which kernel computes a product, and that the choice is kept. On a simulated Hopper and a simulated Ampere. */
class ProductKernelsTest {
    private static final int OUT = 64;
    private static final int IN = 72;

    @TempDir
    private Path folder;

    private static void on(String architecture, Consumer<Workbench> test) {
        SimulatedDriver.open(SimulatedDriver.Setup.of(architecture)).ifPresent(driver -> {
            try (SimulatedDriver device = driver;
                    var bench = new Workbench(device)) {
                test.accept(bench);
                device.synchronize(bench.stream());
                device.expectNoFindings();
            }
        });
    }

    private static ProductKernels kernels(Workbench b, ProductKernels.Mode mode, ProductChoices choices) {
        return new ProductKernels(b.driver(), b.stream(), mode, choices);
    }

    private static View inputs(Workbench b, int rows) {
        return View.dense(b.bf16(b.normal(rows * IN, 1)), DType.BF16, rows, IN);
    }

    private static View weights(Workbench b) {
        return View.dense(b.bf16(b.normal(OUT * IN, 0.1)), DType.BF16, OUT, IN);
    }

    private static short[] firstRow(Workbench b, ProductKernels products, View x, View w) {
        View y = View.dense(b.poisoned(2L * x.rows() * OUT), DType.BF16, x.rows(), OUT);
        products.multiply(x, w, y, Epilogue.STORE);
        return b.readShorts(y.address(), OUT);
    }

    @Test
    void inDeterministicModeARowHasTheSameBitsWhateverTheBatch() {
        for (String architecture : new String[] {"80", "90a"}) {
            on(architecture, b -> {
                ProductKernels products = kernels(b, ProductKernels.Mode.DETERMINISTIC, ProductChoices.forgotten());
                View x = inputs(b, 300);
                View w = weights(b);
                short[] alone = firstRow(b, products, x.rows(0, 1), w);
                assertThat(firstRow(b, products, x.rows(0, 40), w)).isEqualTo(alone);
                assertThat(firstRow(b, products, x, w)).isEqualTo(alone);
                View y = View.dense(0, DType.BF16, 300, OUT / 2);
                assertThat(products.fuses(x, w, y)).isTrue();
            });
        }
    }

    @Test
    void inDeterministicModeAPromptsKernelTakesTheRowsWhoseBitsItKeeps() {
        on("90a", b -> {
            DeviceProperties device = b.driver().properties();
            View x = View.dense(0, DType.BF16, 1024, 256);
            View y = View.dense(0, DType.BF16, 1024, 512);
            int whole = 128 * device.multiprocessors();
            View w = View.dense(0, DType.BF16, whole, 256);
            assertThat(ProductChoice.fixed(device, x, w, y, Epilogue.SILU_MUL)).isEqualTo(ProductChoice.PROMPT);
            View inHalves = w.rows(0, whole - 32);
            assertThat(ProductChoice.fixed(device, x, inHalves, y, Epilogue.SILU_MUL))
                    .isEqualTo(ProductChoice.WGMMA);
        });
    }

    private static final DeviceProperties H200 =
            new DeviceProperties(0, "H200", 9, 0, 132, 232_448, 50L << 20, 140L << 30, 13_000);

    private static @Nullable ProductChoice unquestioned(int rows, int out, int in, Epilogue epilogue) {
        View x = View.dense(0, DType.BF16, rows, in);
        View y = View.dense(0, DType.BF16, rows, epilogue == Epilogue.SILU_MUL ? out / 2 : out);
        return ProductChoice.unquestioned(H200, x, View.dense(0, DType.BF16, out, in), y, epilogue);
    }

    /** As measured: Llama-3.1-8B's down, QKV and gated products. */
    @Test
    void hundredsOfRowsThatFillTheCardAreComputedByWhicheverOfOurKernelsHasLessToDo() {
        assertThat(unquestioned(300, 4096, 14_336, Epilogue.STORE)).isEqualTo(ProductChoice.WGMMA);
        assertThat(unquestioned(640, 4096, 14_336, Epilogue.STORE)).isEqualTo(ProductChoice.PROMPT);
        assertThat(unquestioned(330, 6144, 4096, Epilogue.STORE)).isEqualTo(ProductChoice.WGMMA);
        assertThat(unquestioned(400, 6144, 4096, Epilogue.STORE)).isEqualTo(ProductChoice.PROMPT);
        assertThat(unquestioned(1900, 6144, 4096, Epilogue.STORE)).isEqualTo(ProductChoice.PROMPT);
        assertThat(unquestioned(260, 28_672, 4096, Epilogue.SILU_MUL)).isEqualTo(ProductChoice.WGMMA);
        assertThat(unquestioned(400, 28_672, 4096, Epilogue.SILU_MUL)).isEqualTo(ProductChoice.PROMPT);
        assertThat(unquestioned(8192, 28_672, 4096, Epilogue.SILU_MUL)).isEqualTo(ProductChoice.PROMPT);
        assertThat(unquestioned(8192, 6144, 4096, Epilogue.STORE)).isNull();
        assertThat(unquestioned(300, 512, 4096, Epilogue.STORE)).isNull();
    }

    /** A tile of 256 sequences for 208 takes a quarter longer: rows that are not there are slow to load. */
    @Test
    void tilesAreNoWiderThanTheirSequencesNeed() {
        int multiprocessors = H200.multiprocessors();
        for (int[] shape : new int[][] {{6144, 4096}, {4096, 14_336}, {28_672, 4096}, {128_256, 4096}}) {
            for (int rows = 8; rows <= 512; rows += 8) {
                var variant = WgmmaProduct.Variant.of(rows, shape[0], shape[1], multiprocessors);
                int tiles = Math.ceilDiv(rows, variant.sequences());
                int most = variant.side() == WgmmaProduct.Side.SEQUENCES ? 32 : 16 * tiles;
                assertThat(tiles * variant.sequences() - rows)
                        .as(rows + " rows by " + shape[0])
                        .isLessThan(most);
            }
        }
    }

    @Test
    void someHundredRowsThatDoNotFillTheCardGoToTheLibraryAndTheirGateIsNotFused() {
        on("90a", b -> {
            ProductKernels products = kernels(b, ProductKernels.Mode.FASTEST, ProductChoices.forgotten());
            View w = weights(b);
            assertThat(products.fuses(View.dense(0, DType.BF16, 256, IN), w, View.dense(0, DType.BF16, 256, OUT / 2)))
                    .isTrue();
            assertThat(products.fuses(View.dense(0, DType.BF16, 257, IN), w, View.dense(0, DType.BF16, 257, OUT / 2)))
                    .isFalse();
            assertThat(products.fuses(View.dense(0, DType.BF16, 513, IN), w, View.dense(0, DType.BF16, 513, OUT / 2)))
                    .isTrue();
        });
    }

    @Test
    void whatWasMeasuredIsKeptAndNotMeasuredAgain() {
        Path file = folder.resolve("deep").resolve("choices.txt");
        on("80", b -> {
            kernels(b, ProductKernels.Mode.FASTEST, ProductChoices.keptIn(file))
                    .measure(weights(b), 20, DType.BF16, DType.BF16);
            var key = new ProductChoices.Key(32, OUT, IN, DType.BF16, DType.BF16);
            assertThat(ProductChoices.keptIn(file).of(key)).isNotNull();
        });
    }

    @Test
    void linesThatAreNotUnderstoodCountAsNotThere() throws IOException {
        Path file = folder.resolve("choices.txt");
        Files.writeString(
                file, "8 64 72 BF16 BF16 MMA 3.5\n16 64 72 BF16 BF16 MAGIC 3.5\nnot a line\n8 x 72 F16 F16 MMA 1\n");
        ProductChoices choices = ProductChoices.keptIn(file);
        assertThat(choices.of(new ProductChoices.Key(8, 64, 72, DType.BF16, DType.BF16)))
                .isEqualTo(ProductChoice.MMA);
        assertThat(choices.of(new ProductChoices.Key(16, 64, 72, DType.BF16, DType.BF16)))
                .isNull();
    }

    @Test
    void rowsAreChosenTogetherUpToEachPowerOfTwo() {
        View w = View.dense(0, DType.BF16, OUT, IN);
        assertThat(ProductChoices.Key.of(1, w, DType.BF16).bucket()).isEqualTo(8);
        assertThat(ProductChoices.Key.of(8, w, DType.BF16).bucket()).isEqualTo(8);
        assertThat(ProductChoices.Key.of(9, w, DType.BF16).bucket()).isEqualTo(16);
        assertThat(ProductChoices.Key.of(550, w, DType.BF16).bucket()).isEqualTo(640);
        assertThat(ProductChoices.Key.of(4097, w, DType.BF16).bucket()).isEqualTo(6144);
    }
}
