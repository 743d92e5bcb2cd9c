package espalier.golden;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class GoldenModelsTest {
    @Test
    void everyFolderHasInputsAndOneRowOfFiniteLogitsForEachToken() {
        assertThat(GoldenModels.all()).hasSizeGreaterThan(20).allSatisfy(golden -> {
            assertThat(golden.inputs()).isNotEmpty();
            for (GoldenModels.Input input : golden.inputs()) {
                assertThat(input.ids()).hasSameSizeAs(input.logits());
                assertThat(GoldenModels.distance(input.logits(), input.logits()))
                        .isZero();
                for (float[] row : input.logits()) {
                    assertThat(row).hasSize(128).doesNotContain(Float.NaN, Float.POSITIVE_INFINITY);
                }
            }
        });
    }

    @Test
    void aNanIsAsFarAwayAsCanBe() {
        assertThat(GoldenModels.distance(new float[] {1, Float.NaN}, new float[] {1, 2}))
                .isInfinite();
    }
}
