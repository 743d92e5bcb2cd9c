package espalier.launch;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.tensor.BlockFormat;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.reference.DryDevice;
import java.util.List;
import org.junit.jupiter.api.Test;

class MakeupTest {
    private final DryDevice device = new DryDevice();

    @Test
    void formatsAreAddedUpTheGreatestFirst() {
        Matrix small = dense(2);
        Matrix large = blocks(100);
        assertThat(Makeup.weights(List.of(small, large, new Matrix.Stacked(List.of(small, large))), _ -> "loops"))
                .containsExactly(
                        new Makeup.Weights("Q8_0", "loops", 2 * large.bytes()),
                        new Makeup.Weights("BF16", "loops", 2 * small.bytes()));
    }

    @Test
    void aFormatOfWhichPartsAreMultipliedOtherwiseStandsTwice() {
        assertThat(Makeup.weights(List.of(dense(3), dense(4)), m -> m.out() > 3 ? "tiles" : "loops"))
                .extracting(Makeup.Weights::kernels)
                .containsExactly("tiles", "loops");
    }

    private Matrix dense(int rows) {
        return new Matrix.Dense(new Tensor(device.allocate(rows * 64L), 0, DType.BF16, rows, 32, 32));
    }

    private Matrix blocks(int rows) {
        return new Matrix.Blocks(BlockFormat.Q8_0, device.allocate(rows * BlockFormat.Q8_0.rowBytes(32)), 0, rows, 32);
    }
}
