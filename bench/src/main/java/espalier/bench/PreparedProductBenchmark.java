package espalier.bench;

import espalier.cpu.CpuProvider;
import espalier.tensor.BFloat16;
import espalier.tensor.BlockFormat;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Products;
import espalier.tensor.DeviceProvider.Settings;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Products of the CPU device with weights that it packed, on each path. The counters are what a second comes to, and its
 * shares of the {@link Limits} of that path, measured just before: of arithmetic on registers alone, in bytes or in bf16 as
 * the weights are, and of reading. The weights come from memory.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PreparedProductBenchmark {
    private static final long WEIGHT_BYTES = 1L << 29;

    @Param({"1", "8", "32", "512"})
    private int rows;

    @Param({"2048"})
    private int in;

    @Param({"8192"})
    private int out;

    @Param({"BF16", "Q8_0", "Q4_0", "Q4_1", "INT8_ROW"})
    private String format;

    @Param({"AMX", "AVX512", "AVX2"})
    private CpuKernels kernels;

    @Param({"2"})
    private int threads;

    private Device device;
    private Limits limits;
    private final List<Matrix> weights = new ArrayList<>();
    private Tensor x;
    private Tensor to;
    private int turn;

    /** What a second comes to. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Rates {
        public double gigabytes;
        public double gigaoperations;
        public double shareOfPeak;
        public double shareOfReading;
    }

    @Setup
    public void open() {
        limits = Limits.measure(threads, kernels);
        device = new CpuProvider()
                .open(new Settings(1, threads, Products.FASTEST, kernels))
                .getFirst();
        var random = new Random(1);
        for (long all = 0; all < WEIGHT_BYTES; all += weights.getLast().bytes()) {
            weights.add(device.prepare(stored(random), Matrix.Stored.SPENT));
        }
        x = floats(random, rows, in);
        to = floats(random, rows, out);
    }

    private Matrix stored(Random random) {
        if (format.equals("BF16")) {
            Buffer buffer = device.allocate(2L * out * in);
            MemorySegment memory = HostBuffer.memory(buffer);
            short[] some = new short[4096];
            for (int i = 0; i < some.length; i++) {
                some[i] = BFloat16.of((float) random.nextGaussian() / 16);
            }
            for (long at = 0; at < memory.byteSize(); at += 2L * some.length) {
                MemorySegment.copy(some, 0, memory, ValueLayout.JAVA_SHORT, at, some.length);
            }
            return new Matrix.Dense(new Tensor(buffer, 0, DType.BF16, out, in, in));
        }
        BlockFormat blocks = BlockFormat.valueOf(format);
        Buffer buffer = device.allocate(out * blocks.rowBytes(in));
        var row = new byte[Math.toIntExact(blocks.rowBytes(in))];
        for (int i = 0; i < row.length; i++) {
            row[i] = (byte) (0x20 | random.nextInt(32)); // whatever is a scale is then a small one
        }
        for (int i = 0; i < out; i++) {
            MemorySegment.copy(
                    row, 0, HostBuffer.memory(buffer), ValueLayout.JAVA_BYTE, (long) i * row.length, row.length);
        }
        return new Matrix.Blocks(blocks, buffer, 0, out, in);
    }

    private Tensor floats(Random random, int rowCount, int cols) {
        Buffer buffer = device.allocate(4L * rowCount * cols);
        for (long i = 0; i < (long) rowCount * cols; i++) {
            HostBuffer.memory(buffer).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return new Tensor(buffer, 0, DType.F32, rowCount, cols, cols);
    }

    @TearDown
    public void close() {
        device.close();
    }

    @Benchmark
    public void matmul(Rates rates) {
        Matrix w = weights.get(turn++ % weights.size());
        device.ops().matmul(x, w, to);
        double operations = 2.0 * rows * out * in;
        rates.gigabytes += w.bytes() / 1e9;
        rates.gigaoperations += operations / 1e9;
        rates.shareOfPeak += operations / (format.equals("BF16") ? limits.halfPeak() : limits.bytePeak());
        rates.shareOfReading += w.bytes() / limits.bytes();
    }
}
