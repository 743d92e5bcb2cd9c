package espalier.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Program;
import espalier.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProductChoicesTest {
    private static final ProductChoices.Key FIRST = key(16);
    private static final ProductChoices.Key SECOND = key(32);

    @TempDir
    Path folder;

    private static ProductChoices.Key key(int rows) {
        return new ProductChoices.Key(rows, 4096, 4096, DType.BF16, DType.F32);
    }

    @Test
    void whatTwoProcessesMeasureIsKeptForBoth() throws IOException {
        Path file = folder.resolve("new/choices.txt");
        var one = ProductChoices.keptIn(file);
        var other = ProductChoices.keptIn(file);
        one.put(FIRST, ProductChoice.VENDOR, 10);
        other.put(SECOND, ProductChoice.WGMMA, 20);
        var later = ProductChoices.keptIn(file);
        assertThat(later.of(FIRST)).isEqualTo(ProductChoice.VENDOR);
        assertThat(later.of(SECOND)).isEqualTo(ProductChoice.WGMMA);
        try (Stream<Path> files = Files.list(file.getParent())) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void eachGpuDriverLibraryAndSourceOfAKernelHasAFileOfItsOwn() {
        var gpu = new DeviceProperties(0, "H100 80GB/HBM3", 9, 0, 132, 227 << 10, 50 << 20, 80L << 30, 13000);
        var updated = new DeviceProperties(0, "H100 80GB/HBM3", 9, 0, 132, 227 << 10, 50 << 20, 80L << 30, 13010);
        var other = new DeviceProperties(0, "A100", 8, 0, 108, 163 << 10, 40 << 20, 80L << 30, 13000);
        List<Program> kernels = List.of(program("a.cu", ""), program("b.cu", ""));
        assertThat(Set.of(
                        ProductChoices.fileName(gpu, "130200", kernels),
                        ProductChoices.fileName(updated, "130200", kernels),
                        ProductChoices.fileName(other, "130200", kernels),
                        ProductChoices.fileName(gpu, "130300", kernels),
                        ProductChoices.fileName(gpu, "130200", List.of(program("a.cu", ""), program("b.cu", "//"))),
                        ProductChoices.fileName(gpu, "130200", List.of(program("a.cu", "//"), program("b.cu", "")))))
                .hasSize(6)
                .allMatch(name -> name.matches("product-choices-[A-Za-z0-9-]+-[0-9a-f]{32}\\.txt"));
    }

    private static Program program(String name, String source) {
        return new Program(name, source, Map.of(), Map.of());
    }

    @Test
    void aLineThatIsNotUnderstoodIsPassedOver() throws IOException {
        Path file = folder.resolve("choices.txt");
        ProductChoices.keptIn(file).put(FIRST, ProductChoice.VENDOR, 10);
        var lines = new ArrayList<>(Files.readAllLines(file));
        lines.addAll(0, List.of("32 4096 4096 BF16 F32 ABACUS 1.0", "half a li"));
        Files.write(file, lines);
        var choices = ProductChoices.keptIn(file);
        assertThat(choices.of(FIRST)).isEqualTo(ProductChoice.VENDOR);
        assertThat(choices.of(SECOND)).isNull();
    }

    @Test
    void aFileThatCannotBeReadOrWrittenOnlyCostsTime() throws IOException {
        Path file = folder.resolve("choices.txt");
        Files.write(file, new byte[] {(byte) 0xC3, (byte) 0x28});
        assertThat(ProductChoices.keptIn(file).of(FIRST)).isNull();
        Path below = file.resolve("choices.txt"); // a file is in the way
        var choices = ProductChoices.keptIn(below);
        choices.put(FIRST, ProductChoice.VENDOR, 10);
        assertThat(choices.of(FIRST)).isEqualTo(ProductChoice.VENDOR);
    }
}
