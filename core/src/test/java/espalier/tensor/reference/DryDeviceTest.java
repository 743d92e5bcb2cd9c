package espalier.tensor.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.tensor.DType;
import espalier.tensor.KvCache;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class DryDeviceTest {
    private final DryDevice device = new DryDevice(1, 4);

    @Test
    void sizesMemoryWithoutTakingAny() {
        var work = new Workspace(device.allocate(1L << 50));
        try (Workspace.Frame frame = work.frame()) {
            Tensor x = work.take(DType.F32, 1 << 20, 1 << 14);
            Tensor w = new Tensor(device.allocate(1L << 40), 0, DType.BF16, 1 << 14, 1 << 14, 1 << 14);
            device.ops().matmul(x, new Matrix.Dense(w), work.take(DType.F32, 1 << 20, 1 << 14));
            assertThat(frame).isNotNull();
        }
        assertThat(work.peakBytes()).isEqualTo(1L << 37);
        assertThat(device.macs()).isEqualTo(1L << 48);
        assertThat(device.calls()).isEqualTo(1);
        device.kvCache(new KvCache.Shape(2, 1 << 20, 8, 128, DType.BF16));
        assertThat(device.kvBytes()).isEqualTo(1L << 33);
        device.place(MemorySegment.ofArray(new byte[77]));
        assertThat(device.placedBytes()).isEqualTo(77);
    }

    @Test
    void refusesAWrongShape() {
        var work = new Workspace(device.allocate(1 << 20));
        Tensor x = work.take(DType.F32, 4, 10);
        assertThatThrownBy(() -> device.ops().siluMul(x, work.take(DType.F32, 4, 6)))
                .hasMessage("gateUp is 4x10, want 4x12");
    }

    @Test
    void standsForOneRankOfAGroup() {
        assertThat(device.collective().rank()).isEqualTo(1);
        assertThat(device.collective().ranks()).isEqualTo(4);
    }
}
