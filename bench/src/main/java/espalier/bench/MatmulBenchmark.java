package espalier.bench;

import espalier.cpu.CpuDevice;
import espalier.tensor.BFloat16;
import espalier.tensor.DType;
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
 * Products of the CPU device. The counters are gigabytes of weights read and thousands of millions of floating-point
 * operations done, both a second; the weights take turns over half a gigabyte, so they come from memory.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MatmulBenchmark {
    private static final long WEIGHT_BYTES = 1L << 29;

    @Param({"1", "8", "512"})
    private int rows;

    @Param({"2048"})
    private int in;

    @Param({"8192"})
    private int out;

    @Param({"BF16", "F16", "F32"})
    private DType dtype;

    @Param({"2"})
    private int threads;

    private CpuDevice device;
    private final List<Matrix> weights = new ArrayList<>();
    private Tensor x;
    private Tensor to;
    private int turn;

    /** What a second comes to. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Rates {
        public double gigabytes;
        public double gigaflops;
    }

    @Setup
    public void open() {
        device = new CpuDevice(threads);
        var random = new Random(1);
        long bytes = (long) out * in * dtype.bytes();
        for (long all = 0; all < WEIGHT_BYTES; all += bytes) {
            weights.add(new Matrix.Dense(random(random, dtype, out, in)));
        }
        x = random(random, DType.F32, rows, in);
        to = random(random, DType.F32, rows, out);
    }

    private Tensor random(Random random, DType type, int rowCount, int cols) {
        var buffer = device.allocate((long) rowCount * cols * type.bytes());
        MemorySegment memory = HostBuffer.memory(buffer);
        var some = new float[4096];
        for (int i = 0; i < some.length; i++) {
            some[i] = (float) random.nextGaussian() / 16;
        }
        for (long i = 0; i < (long) rowCount * cols; i++) {
            float v = some[(int) (i * 31 % some.length)];
            switch (type) {
                case F32 -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, v);
                case BF16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, BFloat16.of(v));
                case F16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(v));
                case I32 -> throw new IllegalArgumentException("weights of integers");
            }
        }
        return new Tensor(buffer, 0, type, rowCount, cols, cols);
    }

    @TearDown
    public void close() {
        device.close();
    }

    @Benchmark
    public void matmul(Rates rates) {
        Matrix w = weights.get(turn++ % weights.size());
        device.ops().matmul(x, w, to);
        rates.gigabytes += (double) out * in * dtype.bytes() / 1e9;
        rates.gigaflops += 2.0 * rows * out * in / 1e9;
    }
}
