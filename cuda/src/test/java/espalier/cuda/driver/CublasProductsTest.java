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
class CublasProductsTest {
    private static final Products.Operands OPERANDS = new Products.Operands(256, 32, 512, 32, 1024, 64);
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

    private Products.Plan plan(int rows, Products.Choice choice) {
        var shape = new Products.Shape(rows, 64, 32, Products.Element.BF16, Products.Element.F32, Products.Sum.REPLACE);
        return driver.products().plan(shape, choice, OPERANDS);
    }

    /** The algorithm that it is computed by. */
    private long computed(Products.Plan plan) {
        driver.products().multiply(stream, plan, OPERANDS);
        return libraries.multipliedBy.getLast();
    }

    private void planMany(int from, int count) {
        for (int rows = from; rows < from + count; rows++) {
            plan(rows, Products.Choice.KNOWN);
        }
    }

    @Test
    void descriptorsOfProductsThatWereUsedLastAreKeptAndNoOthers() {
        Products.Plan first = plan(1, Products.Choice.KNOWN);
        planMany(2, CublasProducts.MOST_PLANS - 1);
        assertThat(plan(1, Products.Choice.KNOWN)).isEqualTo(first);
        planMany(10_000, 10);
        assertThat(plan(1, Products.Choice.KNOWN)).isEqualTo(first);
        assertThat(libraries.held())
                .containsEntry(LAYOUT, 3 * CublasProducts.MOST_PLANS)
                .containsEntry("cublasLtMatmulDescCreate", CublasProducts.MOST_PLANS)
                .doesNotContainKey("cublasLtMatmulPreferenceCreate");
    }

    @Test
    void aProductThatIsPlannedAgainIsComputedAsBefore() {
        Products.Plan measured = plan(16, Products.Choice.MEASURED);
        long ofMeasured = computed(measured);
        long ofKnown = computed(plan(11, Products.Choice.KNOWN));
        Products.Plan fixed = plan(3, Products.Choice.FIXED);
        long ofFixed = computed(fixed);
        planMany(10_000, CublasProducts.MOST_PLANS);

        assertThatThrownBy(() -> computed(fixed))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("plan it again");
        assertThat(computed(plan(3, Products.Choice.FIXED))).isEqualTo(ofFixed);
        assertThat(computed(plan(700, Products.Choice.FIXED))).isEqualTo(ofFixed);
        assertThat(computed(plan(16, Products.Choice.MEASURED))).isEqualTo(ofMeasured);
        assertThat(computed(plan(11, Products.Choice.KNOWN))).isEqualTo(ofKnown).isEqualTo(ofMeasured);
    }
}
