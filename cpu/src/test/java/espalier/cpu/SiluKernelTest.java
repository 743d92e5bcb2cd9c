package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cpu.jit.Code;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.SiluKernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SiluKernelTest {
    private static final float[] SPECIAL = {
        0,
        -0f,
        1,
        -1,
        86.9f,
        -86.9f,
        87,
        -87,
        87.1f,
        -87.1f,
        88,
        -88,
        88.5f,
        -88.5f,
        1e-42f,
        3e38f,
        -3e38f,
        Float.NaN,
        Float.POSITIVE_INFINITY,
        Float.NEGATIVE_INFINITY
    };

    @Test
    void hasTheBitsOfTheLoopAndWritesNothingElse() {
        if (!Code.obstacle().isEmpty() || !Processor.here().has(Processor.Feature.AVX512)) {
            System.out.println("SiluKernelTest: no AVX-512 here");
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            var kernel = new SiluKernel(arena);
            var random = new Random(5);
            for (int count = 1; count < 200; count++) {
                MemorySegment gate = numbers(arena, count, random);
                MemorySegment up = numbers(arena, count, random);
                MemorySegment loop = arena.allocate(4L * count + 64, 64).fill((byte) 7);
                MemorySegment code = arena.allocate(4L * count + 64, 64).fill((byte) 7);
                RowKernels.siluMul(gate.address(), up.address(), loop.address(), count);
                kernel.run(gate.address(), up.address(), code.address(), count);
                assertThat(bits(code)).as("%d numbers", count).isEqualTo(bits(loop));
            }
        }
    }

    private static MemorySegment numbers(Arena arena, int count, Random random) {
        MemorySegment all = arena.allocate(4L * count, 64);
        for (int i = 0; i < count; i++) {
            boolean special = random.nextInt(4) == 0;
            float value = special ? SPECIAL[random.nextInt(SPECIAL.length)] : (float) (random.nextGaussian() * 4);
            all.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
        return all;
    }

    /** All NaNs alike. */
    private static int[] bits(MemorySegment numbers) {
        var bits = new int[(int) (numbers.byteSize() / 4)];
        java.util.Arrays.setAll(bits, i -> Float.floatToIntBits(numbers.getAtIndex(ValueLayout.JAVA_FLOAT, i)));
        return bits;
    }
}
