package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.contract.AttentionCase;
import espalier.contract.OpCase;
import espalier.tensor.KvType;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Attention by tiles does what the reference does, as far as bf16 tells. */
class AmxAttentionTest {
    /** Rounding q, k, v and the weights of values to bf16 costs that much of a row's greatest value. */
    private static final double TOLERANCE = 0.02;

    private static final List<KvType> TYPES = List.of(KvType.BF16, KvType.FP8_E4M3, KvType.FP8_E5M2, KvType.INT8);

    @Test
    void equalsTheReferenceUpToRounding() {
        try (CpuDevice device = TestDevices.withTiles(2)) {
            if (device == null) {
                return;
            }
            int checked = 0;
            for (OpCase c : OpCase.all()) {
                if (TYPES.stream().anyMatch(type -> c.name().startsWith("attention " + type))) {
                    new OpCase(c.name(), TOLERANCE, c.body()).check(device);
                    checked++;
                }
            }
            assertThat(checked).isGreaterThan(80);
        }
    }

    @Test
    void aLongPastInManySplitsEqualsTheReference() {
        try (CpuDevice device = TestDevices.withTiles(2)) {
            if (device == null) {
                return;
            }
            for (KvType kv : TYPES) {
                var long1 = new AttentionCase(kv, 32, 2, 1, 16, 0, new int[] {1040}, new int[] {3});
                var long2 = new AttentionCase(kv, 80, 2, 2, 1, 300, new int[] {600, 20}, new int[] {90, 5});
                for (AttentionCase c : List.of(long1, long2)) {
                    OpCase exact = c.asCase();
                    new OpCase(exact.name(), TOLERANCE, exact.body()).check(device);
                }
            }
        }
    }
}
