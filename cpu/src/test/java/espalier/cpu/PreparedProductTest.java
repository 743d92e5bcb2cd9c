package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.EngineFault;
import espalier.contract.Scene;
import espalier.tensor.BFloat16;
import espalier.tensor.BlockFormat;
import espalier.tensor.DType;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Products;
import espalier.tensor.DeviceProvider.Settings;
import espalier.tensor.Matrix;
import espalier.tensor.RowOrder;
import espalier.tensor.Tensor;
import espalier.tensor.host.BlockRow;
import espalier.tensor.host.Cells;
import espalier.tensor.host.HostBuffer;
import espalier.tensor.host.ThreadRanks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Products with prepared weights, on every path that this machine has: against plain sums in double precision on operands
 * rounded as the path rounds them, so that only the order of the sums is left; and bit for bit against other numbers of
 * rows and threads.
 */
class PreparedProductTest {
    /** Of the sum of magnitudes. */
    private static final double TOLERANCE = 1e-6;

    private static final float CANARY = 1e30f;

    /** Null, with a line, where the machine has not the path. */
    private static @Nullable CpuDevice device(CpuKernels kernels, int threads) {
        try {
            return new CpuDevice(new Settings(1, threads, Products.FASTEST, kernels), new ThreadRanks(1), 0);
        } catch (EngineFault none) {
            System.out.println("PreparedProductTest: " + none.getMessage());
            return null;
        }
    }

    @ParameterizedTest
    @EnumSource
    void halvesAreMultipliedAsBf16(CpuKernels kernels) {
        try (CpuDevice device = device(kernels, 2)) {
            if (device == null || kernels == CpuKernels.VECTOR) {
                return;
            }
            for (int seed = 0; seed < 40; seed++) {
                var random = new Random(seed);
                var scene = new Scene(device, seed);
                int in = 1 + random.nextInt(seed % 4 == 0 ? 2100 : 200);
                int out = List.of(1, 31, 32, 33, 70, 257).get(seed % 6);
                Matrix w =
                        new Matrix.Dense(scene.numbers(seed % 2 == 0 ? DType.BF16 : DType.F16, out, in, in + seed % 3));
                Matrix prepared = device.prepare(w, Matrix.Stored.KEPT);
                if (prepared == w) {
                    continue; // the path leaves halves to the Vector API
                }
                assertThat(prepared.bytes()).isEqualTo(device.preparedBytes(w));
                Tensor x = scene.numbers(DType.F32, 1 + random.nextInt(30), in, in + seed % 5);
                compare(scene, x, prepared, bf16(scene.read(x)), bf16(halves(w)), "seed " + seed);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void blocksAreMultipliedAsWholeNumbersOrAsBf16OrAsFloats(CpuKernels kernels) {
        try (CpuDevice device = device(kernels, 2)) {
            if (device == null) {
                return;
            }
            var taken = EnumSet.noneOf(BlockFormat.class);
            for (BlockFormat format : BlockFormat.values()) {
                for (int seed = 0; seed < 8; seed++) {
                    var random = new Random(seed);
                    var scene = new Scene(device, seed);
                    int blocks =
                            1 + random.nextInt(format == BlockFormat.INT8_ROW ? 300 : 2048 / format.blockElements());
                    int in = blocks * format.blockElements();
                    Matrix.Blocks w =
                            scene.blocks(format, List.of(1, 31, 32, 33, 97).get(seed % 5), in);
                    Matrix prepared = device.prepare(w, Matrix.Stored.KEPT);
                    taken.add(format);
                    assertThat(prepared.bytes()).isEqualTo(device.preparedBytes(w));
                    Tensor x = scene.numbers(
                            DType.F32,
                            activations(random, 1 + random.nextInt(seed % 4 == 1 ? 60 : 20), in),
                            in,
                            in + seed % 5);
                    int group = format == BlockFormat.INT8_ROW ? in : 32;
                    Product by = ((Product.Packed) prepared).by();
                    boolean asBf16 = by instanceof AmxProduct;
                    double[][] xs = asBf16
                            ? bf16(scene.read(x))
                            : by instanceof QuadProduct ? doubles(scene.read(x)) : bytes(scene.read(x), group);
                    compare(scene, x, prepared, xs, asBf16 ? expanded(w) : rows(w), format + " seed " + seed);
                }
            }
            assertThat(taken).containsExactly(BlockFormat.values());
        }
    }

    /** Bit for bit what the same rows give in their order; runs longer and shorter than a panel, and a range of rows. */
    @ParameterizedTest
    @EnumSource
    void rowsWhoseHalvesAreInterleavedAreMultipliedInTheirOrder(CpuKernels kernels) {
        try (CpuDevice device = device(kernels, 2)) {
            if (device == null) {
                return;
            }
            var scene = new Scene(device, 5);
            for (BlockFormat format : BlockFormat.values()) {
                int in = 512;
                for (int run : new int[] {2, 24, 64, 128}) {
                    Matrix.Blocks stored = scene.blocks(format, 3 * run, in);
                    var interleaved = new Matrix.Blocks(
                            format, stored.buffer(), stored.offset(), stored.out(), in, new RowOrder(run));
                    Matrix.Blocks plain = inOrder(device, stored, run);
                    Tensor x = scene.numbers(DType.F32, 5, in, in);
                    Tensor one = scene.out(5, 3 * run + 7);
                    Tensor other = scene.out(5, 3 * run + 7);
                    Matrix.Blocks first = scene.blocks(format, 7, in); // what follows then begins within a panel
                    multiply(device, x, first, interleaved, one);
                    multiply(device, x, first, plain, other);
                    assertThat(scene.read(one))
                            .as("%s in runs of %d", format, run)
                            .isDeepEqualTo(scene.read(other));
                }
            }
        }
    }

    private static void multiply(CpuDevice device, Tensor x, Matrix first, Matrix second, Tensor out) {
        Matrix w = device.prepare(new Matrix.Stacked(List.of(first, second)), Matrix.Stored.KEPT);
        device.ops().matmul(x, w, out);
    }

    private static Matrix.Blocks inOrder(CpuDevice device, Matrix.Blocks stored, int run) {
        MemorySegment from = HostBuffer.memory(stored.buffer());
        MemorySegment to = HostBuffer.memory(device.allocate(stored.bytes()));
        long rowBytes = stored.rowBytes();
        for (int row = 0; row < stored.out(); row++) {
            int within = row % run;
            int source = row - within + within % (run / 2) * 2 + within / (run / 2);
            MemorySegment.copy(from, stored.offset() + source * rowBytes, to, row * rowBytes, rowBytes);
        }
        return new Matrix.Blocks(stored.format(), new HostBuffer(to), 0, stored.out(), stored.in());
    }

    /** Normal values with an outlier here and there, and some groups of zeros. */
    private static float[][] activations(Random random, int rows, int cols) {
        var all = new float[rows][cols];
        for (float[] row : all) {
            for (int j = 0; j < cols; j++) {
                float value = (float) random.nextGaussian() * (random.nextInt(500) == 0 ? 10 : 1);
                row[j] = j / 32 % 11 == 5 ? 0 : value;
            }
        }
        return all;
    }

    /** What is left of x in signed bytes, so many with a scale. */
    private static double[][] bytes(float[][] values, int group) {
        var rounded = new double[values.length][values[0].length];
        for (int i = 0; i < values.length; i++) {
            for (int from = 0; from < values[i].length; from += group) {
                int end = Math.min(from + group, values[i].length);
                float greatest = 0;
                for (int j = from; j < end; j++) {
                    greatest = Math.max(greatest, Math.abs(values[i][j]));
                }
                float factor = 127f / Math.max(greatest, 1e-30f);
                for (int j = from; j < end; j++) {
                    rounded[i][j] = Math.rint(values[i][j] * factor) * (greatest * (1 / 127f));
                }
            }
        }
        return rounded;
    }

    private static double[][] rows(Matrix.Blocks w) {
        var all = new double[w.out()][w.in()];
        for (int i = 0; i < w.out(); i++) {
            BlockRow row = BlockRow.of(w, i);
            for (int j = 0; j < w.in(); j++) {
                int g = j / row.groupElements();
                all[i][j] = (double) row.scales()[g] * row.values()[j] + row.minima()[g];
            }
        }
        return all;
    }

    /**
     * What tiles get: number times scale, plus the minimum, rounded to f16 and from there to bf16, away from zero at half;
     * all times a power of two by which the greatest is in the range of f16, and less than its normal numbers is zero.
     */
    private static double[][] expanded(Matrix.Blocks w) {
        var rows = new BlockRow[w.out()];
        float scale = 0;
        float minimum = 0;
        for (int i = 0; i < w.out(); i++) {
            rows[i] = BlockRow.of(w, i);
            for (float each : rows[i].scales()) {
                scale = Math.max(scale, Math.abs(each));
            }
            for (float each : rows[i].minima()) {
                minimum = Math.max(minimum, Math.abs(each));
            }
        }
        BlockFormat f = w.format();
        boolean nibbles = f.highest() - f.lowest() <= 15 && f.lowest() >= -8;
        int shift = Math.min(10, Math.getExponent(65504 / ((nibbles ? 15 : 128) * scale + minimum)));
        var all = new double[w.out()][w.in()];
        for (int i = 0; i < w.out(); i++) {
            for (int j = 0; j < w.in(); j++) {
                int g = j / rows[i].groupElements();
                double by = half(Math.scalb((double) rows[i].scales()[g], shift));
                double plus = half(Math.scalb((double) rows[i].minima()[g], shift));
                double product = half(rows[i].values()[j] * by + plus);
                double unit = unit(product, 8);
                double rounded = Math.signum(product) * Math.floor(Math.abs(product) / unit + 0.5) * unit;
                all[i][j] = Math.abs(rounded) < 0x1p-14 ? 0 : Math.scalb(rounded, -shift);
            }
        }
        return all;
    }

    private static double half(double value) {
        double unit = unit(value, 11);
        return Math.rint(value / unit) * unit;
    }

    /** What the last of so many bits counts, in a number with the exponents of f16. */
    private static double unit(double value, int bits) {
        return Math.scalb(1.0, Math.max(Math.getExponent(value), -14) - bits + 1);
    }

    /** From the least that f16 can hold to the greatest; every other block's is 2^-12 of its neighbour's. */
    @Test
    void scalesOfAnyMagnitudeLeaveTheirBits() {
        try (CpuDevice device = device(CpuKernels.AUTO, 2)) {
            if (device == null) {
                return;
            }
            for (BlockFormat format : List.of(BlockFormat.Q8_0, BlockFormat.Q4_0, BlockFormat.Q4_1)) {
                for (int exponent = -24; exponent < 16; exponent++) {
                    var scene = new Scene(device, exponent);
                    Matrix.Blocks w = scene.blocks(format, 40, 256);
                    MemorySegment memory = HostBuffer.memory(w.buffer());
                    for (long block = 0; block < 40 * 8; block++) {
                        int here = block % 2 == 0 ? exponent : Math.max(-24, exponent - 12);
                        float scale = Math.scalb(1 + 0.99f * scene.random().nextFloat(), here);
                        long at = w.offset() + block * format.blockBytes();
                        memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(scale));
                        if (format.hasMinimum()) {
                            memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 2, Float.floatToFloat16(-scale));
                        }
                    }
                    Matrix prepared = device.prepare(w, Matrix.Stored.KEPT);
                    if (prepared instanceof Product.Packed packed && packed.by() instanceof AmxProduct) {
                        Tensor x = scene.numbers(DType.F32, 3, 256);
                        compare(scene, x, prepared, bf16(scene.read(x)), expanded(w), format + " 2^" + exponent);
                    }
                }
            }
        }
    }

    private static void compare(Scene scene, Tensor x, Matrix w, double[][] xs, double[][] ws, String what) {
        Tensor room = scene.out(x.rows() + 1, w.out() + 40);
        for (int i = 0; i < room.rows(); i++) {
            for (int j = 0; j < room.cols(); j++) {
                Cells.setNumber(room, i, j, CANARY);
            }
        }
        Tensor out = room.rows(0, x.rows()).cols(3, w.out());
        scene.device().ops().matmul(x, w, out);
        float[][] have = scene.read(room);
        for (int i = 0; i < room.rows(); i++) {
            for (int j = 0; j < room.cols(); j++) {
                if (i == x.rows() || j < 3 || j >= 3 + w.out()) {
                    check(have[i][j] == CANARY, () -> what + ": wrote beside the result");
                    continue;
                }
                double sum = 0;
                double magnitude = 1e-30;
                for (int k = 0; k < w.in(); k++) {
                    double term = xs[i][k] * ws[j - 3][k];
                    sum += term;
                    magnitude += Math.abs(term);
                }
                double error = Math.abs(have[i][j] - sum) / magnitude;
                String at = " of row " + i + ", column " + (j - 3);
                check(
                        error < TOLERANCE,
                        () -> what + ", " + x.rows() + " x " + w.in() + " by " + w.out() + at + ": " + error);
            }
        }
    }

    /** Cheaper than an assertion where there are millions. */
    private static void check(boolean holds, Supplier<String> otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise.get());
        }
    }

    private static double[][] doubles(float[][] values) {
        var all = new double[values.length][values[0].length];
        for (int i = 0; i < values.length; i++) {
            for (int j = 0; j < values[i].length; j++) {
                all[i][j] = values[i][j];
            }
        }
        return all;
    }

    private static double[][] bf16(float[][] values) {
        var rounded = new double[values.length][values[0].length];
        for (int i = 0; i < values.length; i++) {
            for (int j = 0; j < values[i].length; j++) {
                rounded[i][j] = BFloat16.toFloat(BFloat16.of(values[i][j]));
            }
        }
        return rounded;
    }

    private static float[][] halves(Matrix w) {
        Tensor t = ((Matrix.Dense) w).values();
        var all = new float[t.rows()][t.cols()];
        for (int i = 0; i < t.rows(); i++) {
            for (int j = 0; j < t.cols(); j++) {
                all[i][j] = Cells.number(t, i, j);
            }
        }
        return all;
    }

    @ParameterizedTest
    @EnumSource
    void aRowIsTheSameAloneInEveryBatchAndWithAnyThreads(CpuKernels kernels) {
        var devices = new ArrayList<CpuDevice>();
        for (int threads : new int[] {1, 2, 5}) {
            CpuDevice device = device(kernels, threads);
            if (device == null) {
                return;
            }
            devices.add(device);
        }
        var scene = new Scene(devices.getFirst(), 7);
        for (Matrix w : List.of(
                new Matrix.Dense(scene.numbers(DType.BF16, 200, 75)),
                new Matrix.Dense(scene.numbers(DType.BF16, 40, 1024)),
                scene.blocks(BlockFormat.Q8_0, 200, 288),
                scene.blocks(BlockFormat.Q4_0, 30, 2336),
                scene.blocks(BlockFormat.Q5_1, 70, 96),
                scene.blocks(BlockFormat.INT4_GROUP64_MIN, 33, 576),
                scene.blocks(BlockFormat.Q4_K, 70, 512),
                scene.blocks(BlockFormat.Q3_K, 70, 256),
                scene.blocks(BlockFormat.INT8_ROW, 200, 301))) {
            int in = w.in();
            Tensor x = scene.numbers(DType.F32, 130, in);
            float[][] alone = new float[x.rows()][];
            Matrix prepared = devices.getFirst().prepare(w, Matrix.Stored.KEPT);
            for (int i = 0; i < x.rows(); i++) {
                alone[i] = product(scene, devices.getFirst(), x.rows(i, 1), prepared)[0];
            }
            for (CpuDevice device : devices) {
                Matrix own = device.prepare(w, Matrix.Stored.KEPT);
                for (int rows = 1; rows <= x.rows(); rows += rows < 40 ? 1 : 30) {
                    int first = rows * 7 % (x.rows() - rows + 1);
                    float[][] together = product(scene, device, x.rows(first, rows), own);
                    for (int i = 0; i < rows; i++) {
                        String what = kernels + ", " + w + ", in " + in + ", row " + i + " of " + rows;
                        check(Arrays.equals(together[i], alone[first + i]), () -> what);
                    }
                }
            }
        }
        devices.forEach(CpuDevice::close);
    }

    private static float[][] product(Scene scene, CpuDevice device, Tensor x, Matrix w) {
        Tensor out = scene.out(x.rows(), w.out());
        device.ops().matmul(x, w, out);
        return scene.read(out);
    }

    @ParameterizedTest
    @EnumSource
    void stacksArePackedTogetherWhereOneProductTakesAllPartsAndBesideEachOtherElsewhere(CpuKernels kernels) {
        try (CpuDevice device = device(kernels, 2)) {
            if (device == null) {
                return;
            }
            var scene = new Scene(device, 3);
            Tensor x = scene.numbers(DType.F32, 5, 96);
            Matrix halves = new Matrix.Dense(scene.numbers(DType.BF16, 45, 96));
            Matrix more = new Matrix.Dense(scene.numbers(DType.BF16, 7, 96));
            Matrix floats = new Matrix.Dense(scene.numbers(DType.F32, 33, 96));
            Matrix stack = new Matrix.Stacked(List.of(halves, floats, new Matrix.Stacked(List.of(more, halves))));
            float[][] have = product(scene, device, x, device.prepare(stack, Matrix.Stored.KEPT));
            int column = 0;
            for (Matrix part : List.of(halves, floats, more, halves)) {
                float[][] want = product(scene, device, x, device.prepare(part, Matrix.Stored.KEPT));
                for (int i = 0; i < x.rows(); i++) {
                    for (int j = 0; j < part.out(); j++) {
                        assertThat(have[i][column + j]).isEqualTo(want[i][j]);
                    }
                }
                column += part.out();
            }
        }
    }
}
