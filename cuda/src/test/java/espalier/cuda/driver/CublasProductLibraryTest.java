package espalier.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a library that never suggests the same algorithm twice: an equal one was remembered. */
class CublasProductLibraryTest {
    private static final ProductLibrary.Operands OPERANDS = new ProductLibrary.Operands(256, 32, 512, 32, 1024, 64);
    private static final String LAYOUT = "cublasLtMatrixLayoutCreate";

    @TempDir
    Path cache;

    private final FakeLibraries libraries = new FakeLibraries();
    private CudaDriver driver;
    private Stream stream;

    @BeforeEach
    void open() {
        driver = libraries.open(cache, Duration.ofSeconds(60));
        stream = driver.openStream();
    }

    @AfterEach
    void close() {
        driver.close();
        assertThat(libraries.held()).isEmpty();
    }

    @Test
    void withoutTheLibraryItsUseIsRefusedWithTheWayToGetIt() {
        try (CudaDriver none = libraries.openWithoutCublas(cache)) {
            assertThat(none.products().missing()).contains("libcublasLt.so", "pip install nvidia-cublas");
            assertThat(none.products().version()).isEmpty();
            assertThat(none.products().workspaceBytes()).isZero();
            assertThatThrownBy(() -> none.products().open())
                    .isInstanceOf(EngineFault.class)
                    .hasMessage(none.products().missing());
        }
    }

    private ProductLibrary.Plan plan(int rows, ProductLibrary.Algorithm choice) {
        var shape = new ProductLibrary.Shape(
                rows, 64, 32, ProductLibrary.Element.BF16, ProductLibrary.Element.F32, ProductLibrary.Sum.REPLACE);
        return driver.products().plan(shape, choice, OPERANDS);
    }

    /** The algorithm that it is computed by. */
    private long computed(ProductLibrary.Plan plan) {
        driver.products().multiply(stream, plan, OPERANDS);
        return libraries.multipliedBy.getLast();
    }

    private void planMany(int from, int count) {
        for (int rows = from; rows < from + count; rows++) {
            plan(rows, ProductLibrary.Algorithm.KNOWN);
        }
    }

    @Test
    void descriptorsOfProductsThatWereUsedLastAreKeptAndNoOthers() {
        ProductLibrary.Plan first = plan(1, ProductLibrary.Algorithm.KNOWN);
        planMany(2, CublasProductLibrary.MOST_PLANS - 1);
        assertThat(plan(1, ProductLibrary.Algorithm.KNOWN)).isEqualTo(first);
        planMany(10_000, 10);
        assertThat(plan(1, ProductLibrary.Algorithm.KNOWN)).isEqualTo(first);
        assertThat(libraries.held())
                .containsEntry(LAYOUT, 3 * CublasProductLibrary.MOST_PLANS)
                .containsEntry("cublasLtMatmulDescCreate", CublasProductLibrary.MOST_PLANS)
                .doesNotContainKey("cublasLtMatmulPreferenceCreate");
    }

    @Test
    void aProductThatIsPlannedAgainIsComputedAsBefore() {
        ProductLibrary.Plan measured = plan(16, ProductLibrary.Algorithm.MEASURED);
        long ofMeasured = computed(measured);
        long ofKnown = computed(plan(11, ProductLibrary.Algorithm.KNOWN));
        ProductLibrary.Plan fixed = plan(3, ProductLibrary.Algorithm.FIXED);
        long ofFixed = computed(fixed);
        planMany(10_000, CublasProductLibrary.MOST_PLANS);

        assertThatThrownBy(() -> computed(fixed))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("plan it again");
        assertThat(computed(plan(3, ProductLibrary.Algorithm.FIXED))).isEqualTo(ofFixed);
        assertThat(computed(plan(700, ProductLibrary.Algorithm.FIXED))).isEqualTo(ofFixed);
        assertThat(computed(plan(16, ProductLibrary.Algorithm.MEASURED))).isEqualTo(ofMeasured);
        assertThat(computed(plan(11, ProductLibrary.Algorithm.KNOWN)))
                .isEqualTo(ofKnown)
                .isEqualTo(ofMeasured);
    }
}
