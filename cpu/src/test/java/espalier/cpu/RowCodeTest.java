package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.cpu.jit.Code;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.RowCode;
import espalier.cpu.jit.RowOps;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

class RowCodeTest {
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

    private static final int MOST = 200;

    @Test
    void haveTheBitsOfTheLoopsAndWriteNothingElse() {
        if (!Code.obstacle().isEmpty() || !Processor.here().has(Processor.Feature.AVX512) || Lanes.L != 16) {
            System.out.println("RowCodeTest: no AVX-512 here");
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            var code = new RowCode(2, arena);
            var random = new Random(5);
            for (int count = 1; count < MOST; count++) {
                int n = count;
                MemorySegment x = numbers(arena, 2 * n, random);
                MemorySegment y = numbers(arena, 2 * n, random);
                MemorySegment z = numbers(arena, 2 * n, random);
                same(arena, x, "SiLU", (rows, at) -> rows.siluMul(at, y.address(), at, n), code);
                same(arena, x, "sum", (rows, at) -> rows.add(at, y.address(), n), code);
                same(arena, x, "scale", (rows, at) -> rows.scale(at, 0.3f, y.address(), at, n), code);
                same(arena, x, "rotation", (rows, at) -> rows.rotate(at, n, y.address(), z.address()), code);
                same(arena, x, "bf16", (rows, at) -> rows.toBf16(y.address(), at, n), code);
            }
        }
    }

    @Test
    void sumSquaresByTheTreeOfTheLoops() {
        if (!Code.obstacle().isEmpty() || !Processor.here().has(Processor.Feature.AVX512) || Lanes.L != 16) {
            System.out.println("RowCodeTest: no AVX-512 here");
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            var code = new RowCode(2, arena);
            var random = new Random(6);
            for (int count = 1; count < MOST; count++) {
                MemorySegment x = arena.allocate(4L * count, 64);
                for (int i = 0; i < count; i++) {
                    x.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
                }
                assertThat(code.sumOfSquares(x.address(), count, count % 2))
                        .as("%d numbers", count)
                        .isEqualTo(new RowLoops().sumOfSquares(x.address(), count, 0));
            }
        }
    }

    /** Works in place on a copy of {@code x}, with other memory behind it. */
    private static void same(Arena arena, MemorySegment x, String name, BiConsumer<RowOps, Long> body, RowCode code) {
        int[] expected = after(arena, x, new RowLoops(), body);
        assertThat(after(arena, x, code, body))
                .as("%s of %d bytes", name, x.byteSize())
                .isEqualTo(expected);
    }

    private static int[] after(Arena arena, MemorySegment x, RowOps rows, BiConsumer<RowOps, Long> body) {
        MemorySegment copy = arena.allocate(x.byteSize() + 64, 64).fill((byte) 7);
        copy.copyFrom(x);
        body.accept(rows, copy.address());
        return bits(copy);
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
