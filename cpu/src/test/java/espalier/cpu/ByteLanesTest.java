package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.tensor.BFloat16;
import espalier.tensor.KvType;
import espalier.tensor.host.NarrowRows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

class ByteLanesTest {
    /** More than any step. */
    private static final int ROOM = 512;

    @AutoClose
    private final Arena arena = Arena.ofConfined();

    private final MemorySegment from = arena.allocate(256, 64);
    private final MemorySegment to = arena.allocate(2 * ROOM, 64);

    private void widen(KvType type, int count, float scale) {
        switch (type) {
            case FP8_E4M3 -> ByteLanes.e4m3(from.address(), count, to.address());
            case FP8_E5M2 -> ByteLanes.e5m2(from.address(), count, to.address());
            case INT8 -> ByteLanes.integers(from.address(), count, scale, to.address());
            case F32, F16, BF16 -> throw new IllegalArgumentException();
        }
    }

    private void assertWide(KvType type, int count, float scale) {
        widen(type, count, scale);
        for (int i = 0; i < count; i++) {
            byte code = from.get(ValueLayout.JAVA_BYTE, i);
            float have = BFloat16.toFloat(to.getAtIndex(ValueLayout.JAVA_SHORT, i));
            float want = NarrowRows.number(type, code, scale);
            assertThat((Float) have)
                    .as("%s, code %s, scale %s", type, code, scale)
                    .isEqualTo((Float) want);
        }
    }

    @Test
    void everyCodeBecomesWhatTheDefinitionSays() {
        for (int i = 0; i < 256; i++) {
            from.set(ValueLayout.JAVA_BYTE, i, (byte) i);
        }
        var random = new Random(1);
        for (int i = 0; i < 50; i++) {
            assertWide(KvType.INT8, 256, (0.5f + random.nextFloat()) * Math.scalb(1f, random.nextInt(40) - 30));
        }
        assertWide(KvType.INT8, 256, 0);
        assertWide(KvType.FP8_E4M3, 256, 1);
        for (int infinity : new int[] {0x7c, 0xfc}) { // of which no cache holds any
            from.set(ValueLayout.JAVA_BYTE, infinity, (byte) 0x7f);
        }
        assertWide(KvType.FP8_E5M2, 256, 1);
    }

    @Test
    void aRowOfAnyLengthIsWidenedToItsEndAndNoByteIsReadBeyond() {
        for (KvType type : List.of(KvType.FP8_E4M3, KvType.FP8_E5M2, KvType.INT8)) {
            for (int count = 1; count < 150; count++) {
                from.fill((byte) 0);
                from.asSlice(0, count).fill((byte) 0x11);
                from.asSlice(count).fill((byte) 0x55);
                assertWide(type, count, 0.3f);
                for (int i = count; i % 4 != 0; i++) { // those that share a step with the last are zero
                    assertThat(to.getAtIndex(ValueLayout.JAVA_SHORT, i)).isZero();
                }
            }
        }
    }

    @Test
    void aNanInTheScaleStaysOne() {
        from.fill((byte) 1);
        widen(KvType.INT8, 64, Float.NaN);
        assertThat(BFloat16.toFloat(to.get(ValueLayout.JAVA_SHORT, 0))).isNaN();
        assertThat(BFloat16.toFloat(to.get(ValueLayout.JAVA_SHORT, 2))).isNaN();
    }
}
