package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.tensor.BFloat16;
import espalier.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class LanesTest {
    private final Arena arena = Arena.ofAuto();

    @Test
    void expIsWithinTwoUnitsInTheLastPlace() {
        var lanes = new float[Lanes.L];
        for (float x = -87; x < 88; x += 0.00137f * Lanes.L) {
            for (int i = 0; i < Lanes.L; i++) {
                lanes[i] = x + 0.00137f * i;
            }
            FloatVector e = Lanes.exp(FloatVector.fromArray(Lanes.FLOATS, lanes, 0));
            for (int i = 0; i < Lanes.L && lanes[i] <= 88; i++) {
                double exact = Math.exp(lanes[i]);
                assertThat(Math.abs(e.lane(i) - exact))
                        .as("exp(%s)", lanes[i])
                        .isLessThanOrEqualTo(2 * Math.ulp((float) exact));
            }
        }
        assertThat(AttentionKernels.exp(Float.NEGATIVE_INFINITY)).isZero();
        assertThat(AttentionKernels.exp(0)).isEqualTo(1);
        assertThat(AttentionKernels.exp(-0f)).isEqualTo(1);
    }

    @Test
    void everyFiniteHalfIsWidenedExactly() {
        for (DType dtype : new DType[] {DType.BF16, DType.F16}) {
            int count = 65_536;
            MemorySegment stored = arena.allocate(2 * count, 64);
            for (int i = 0; i < count; i++) {
                stored.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) i);
            }
            MemorySegment wide = arena.allocate(4 * count, 64);
            MemorySegment between = arena.allocate(4 * count, 64);
            Packing.widenNatural(dtype, stored.address(), count, wide.address(), between.address());
            for (int i = 0; i < count; i++) {
                float want = dtype == DType.BF16 ? BFloat16.toFloat((short) i) : Float.float16ToFloat((short) i);
                if (Float.isFinite(want)) {
                    assertThat(Float.floatToRawIntBits(wide.getAtIndex(ValueLayout.JAVA_FLOAT, i)))
                            .as("%s bits %s", dtype, i)
                            .isEqualTo(Float.floatToRawIntBits(want));
                }
            }
        }
    }

    @Test
    void storingBf16RoundsToNearestEven() {
        var random = new Random(6);
        MemorySegment from = arena.allocate(4L * Lanes.L, 64);
        MemorySegment to = arena.allocate(4L * Lanes.L, 64);
        for (int round = 0; round < 2000; round++) {
            for (int i = 0; i < Lanes.L; i++) {
                // every second one is a tie
                int bits = round % 2 == 0 ? random.nextInt() : (random.nextInt() & 0xffff0000) | 0x8000;
                from.setAtIndex(ValueLayout.JAVA_INT, i, bits);
            }
            Lanes.storeBf16(Lanes.load(from.address()), to.address());
            for (int i = 0; i < Lanes.L; i++) {
                float v = from.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                short have = to.getAtIndex(ValueLayout.JAVA_SHORT, i);
                if (Float.isNaN(v)) {
                    assertThat(BFloat16.toFloat(have)).isNaN();
                } else {
                    assertThat(have).as("of %s", v).isEqualTo(BFloat16.of(v));
                }
            }
        }
    }

    @Test
    void splittingAndUnsplittingIsTheIdentityForEveryLength() {
        var random = new Random(8);
        for (int count = 1; count < 4 * Packing.BLOCK; count++) {
            MemorySegment from = arena.allocate(4L * count, 4);
            MemorySegment to = arena.allocate(4L * count + 4, 4);
            MemorySegment between = arena.allocate(4L * Packing.blocks(count) * Packing.BLOCK, 64);
            for (int i = 0; i < count; i++) {
                from.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat());
            }
            to.setAtIndex(ValueLayout.JAVA_FLOAT, count, 77);
            Packing.split(from.address(), count, between.address(), Lanes.V);
            Packing.unsplit(between.address(), count, to.address());
            assertThat(to.asSlice(0, 4L * count).mismatch(from))
                    .as("length %s", count)
                    .isEqualTo(-1);
            assertThat(to.getAtIndex(ValueLayout.JAVA_FLOAT, count)).isEqualTo(77);
        }
    }
}
