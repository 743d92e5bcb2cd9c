package espalier.bench;

import espalier.cpu.CpuProvider;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Products;
import espalier.tensor.DeviceProvider.Settings;
import espalier.tensor.KvCache;
import espalier.tensor.Ops;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import espalier.tensor.host.Cells;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.IntUnaryOperator;
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
 * Attention of the CPU device: {@code sequences} sequences of {@code context} positions each compute their last {@code
 * fresh} ones. The counters are gigabytes of keys and values that the step has to read once, and thousands of millions
 * of operations, both a second, and their shares of the {@link Limits} of that path: of arithmetic on registers alone, by
 * bf16 tiles (AMX) or else in f32, and of reading.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(
        value = 1,
        jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class AttentionBenchmark {
    private static final int LAYERS = 4;

    @Param({"1", "512"})
    private int fresh;

    @Param({"512", "8192"})
    private int context;

    @Param({"1", "16"})
    private int sequences;

    @Param({"32/8/64"})
    private String headsKvHeadsHeadDim;

    @Param({"BF16"})
    private DType dtype;

    @Param({"2"})
    private int threads;

    @Param({"AMX", "AVX512"})
    private CpuKernels kernels;

    private Device device;
    private Limits limits;
    private Ops.Attend[] calls;
    private double bytes;
    private double flops;
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
        // Only tiles have arithmetic of their own for attention; the other paths share the Vector API's.
        limits = Limits.measure(threads, kernels == CpuKernels.AMX ? kernels : CpuKernels.VECTOR);
        device = new CpuProvider()
                .open(new Settings(1, threads, Products.FASTEST, kernels))
                .getFirst();
        String[] shape = headsKvHeadsHeadDim.split("/");
        int heads = Integer.parseInt(shape[0]);
        int kvHeads = Integer.parseInt(shape[1]);
        int headDim = Integer.parseInt(shape[2]);
        KvCache kv = device.kvCache(new KvCache.Shape(LAYERS, sequences * context, kvHeads, headDim, dtype));
        int tokens = sequences * fresh;
        IntUnaryOperator position = t -> context - fresh + t % fresh;
        IntUnaryOperator slot = t -> t / fresh * context + position.applyAsInt(t);
        var in = new StepInputs(
                ints(tokens, t -> 0),
                ints(tokens, position),
                ints(tokens, slot),
                ints(sequences, s -> s * fresh),
                ints(sequences, s -> context),
                ints(sequences, s -> s),
                pages(),
                1,
                ints(1, i -> 0),
                tokens,
                sequences);
        Tensor q = floats(tokens, heads * headDim);
        Tensor k = floats(tokens, kvHeads * headDim);
        Tensor v = floats(tokens, kvHeads * headDim);
        Tensor out = floats(tokens, heads * headDim);
        calls = new Ops.Attend[LAYERS];
        for (int layer = 0; layer < LAYERS; layer++) {
            calls[layer] = new Ops.Attend(layer, q, k, v, out, headDim, 0.125f, 0, in, kv);
        }
        bytes = 2.0 * sequences * context * kvHeads * headDim * dtype.bytes();
        double seen = 0;
        for (int i = 0; i < fresh; i++) {
            seen += context - i;
        }
        flops = 4.0 * sequences * seen * heads * headDim;
    }

    private Tensor pages() {
        Tensor flat = ints(sequences * context, i -> i);
        return new Tensor(flat.buffer(), 0, DType.I32, sequences, context, context);
    }

    private Tensor ints(int count, IntUnaryOperator value) {
        var t = new Tensor(device.allocate(4L * count), 0, DType.I32, 1, count, count);
        for (int i = 0; i < count; i++) {
            Cells.setInteger(t, 0, i, value.applyAsInt(i));
        }
        return t;
    }

    private Tensor floats(int rows, int cols) {
        var random = new Random(rows);
        var t = new Tensor(device.allocate(4L * rows * cols), 0, DType.F32, rows, cols, cols);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < cols; j++) {
                Cells.setNumber(t, i, j, (float) random.nextGaussian());
            }
        }
        return t;
    }

    @TearDown
    public void close() {
        device.close();
    }

    @Benchmark
    public void attention(Rates rates) {
        device.ops().attention(calls[turn++ % LAYERS]);
        rates.gigabytes += bytes / 1e9;
        rates.gigaoperations += flops / 1e9;
        rates.shareOfPeak += flops / limits.halfPeak();
        rates.shareOfReading += bytes / limits.bytes();
    }
}
