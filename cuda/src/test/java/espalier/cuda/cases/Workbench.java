package espalier.cuda.cases;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Graph;
import espalier.cuda.driver.Stream;
import espalier.tensor.BFloat16;
import espalier.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/** Memory, data and measurements for one {@link KernelCase} on one driver. */
public final class Workbench implements AutoCloseable {
    private static final int WARM_UPS = 2;
    private static final int REPEATS = 15;
    private static final long LOADING_NANOS = 500_000_000;

    private final Driver driver;
    private final Stream stream;
    private final List<Long> held = new ArrayList<>();
    private final List<Timing> timings = new ArrayList<>();
    private double worst;
    public final SplittableRandom random = new SplittableRandom(20261125);

    public Workbench(Driver driver) {
        this.driver = driver;
        this.stream = driver.openStream();
    }

    /**
     * What was measured.
     *
     * @param bytes that had to be moved, {@code flops} that had to be computed, in one run; 0 where it is no measure
     */
    public record Timing(String what, double microseconds, double bytes, double flops) {
        public double gigabytesPerSecond() {
            return bytes / microseconds / 1e3;
        }

        public double teraflops() {
            return flops / microseconds / 1e6;
        }
    }

    public Driver driver() {
        return driver;
    }

    public Stream stream() {
        return stream;
    }

    public List<Timing> timings() {
        return List.copyOf(timings);
    }

    /** The greatest relative error of all comparisons. */
    public double worstError() {
        return worst;
    }

    // Memory

    /** Memory whose every byte is 0xff: not a number in any format, -1 as an integer. */
    public long poisoned(long bytes) {
        return filled(bytes, -1);
    }

    public long zeros(long bytes) {
        return filled(bytes, 0);
    }

    private long filled(long bytes, int word) {
        long at = driver.allocate(bytes, "a kernel case");
        held.add(at);
        driver.fill(stream, at, word, bytes / 4);
        return at;
    }

    public long ints(int... values) {
        return put(MemorySegment.ofArray(values));
    }

    public long floats(float... values) {
        return put(MemorySegment.ofArray(values));
    }

    public long bf16(float... values) {
        var bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = BFloat16.of(values[i]);
        }
        return put(MemorySegment.ofArray(bits));
    }

    /** BF16 or F16. */
    public long halves(DType dtype, float... values) {
        return dtype == DType.F16 ? f16(values) : bf16(values);
    }

    public long f16(float... values) {
        var bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToFloat16(values[i]);
        }
        return put(MemorySegment.ofArray(bits));
    }

    /** A copy on the device. */
    public long put(MemorySegment values) {
        long at = driver.allocate(Math.max(16, values.byteSize()), "a kernel case");
        held.add(at);
        driver.upload(stream, values, at);
        driver.synchronize(stream);
        return at;
    }

    public int[] readInts(long at, int count) {
        return read(at, 4L * count).toArray(ValueLayout.JAVA_INT);
    }

    public float[] readFloats(long at, int count) {
        return read(at, 4L * count).toArray(ValueLayout.JAVA_FLOAT);
    }

    public float[] readBf16(long at, int count) {
        short[] bits = readShorts(at, count);
        var values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = BFloat16.toFloat(bits[i]);
        }
        return values;
    }

    public float[] readF16(long at, int count) {
        short[] bits = readShorts(at, count);
        var values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = Float.float16ToFloat(bits[i]);
        }
        return values;
    }

    /** The bits of 16-bit values, to compare runs exactly. */
    public short[] readShorts(long at, int count) {
        return read(at, 2L * count).toArray(ValueLayout.JAVA_SHORT);
    }

    private MemorySegment read(long at, long bytes) {
        MemorySegment to = Arena.ofAuto().allocate(bytes, 8);
        driver.download(stream, at, to);
        driver.synchronize(stream);
        return to;
    }

    // Data

    /** Normally distributed values, rounded to bf16. */
    public float[] normal(int count, double deviation) {
        var values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = BFloat16.toFloat(BFloat16.of((float) (random.nextGaussian() * deviation)));
        }
        return values;
    }

    // Comparison

    /** Requires {@code max |got - want| / max |want|} of every row of {@code cols} to be at most {@code tolerance}. */
    public void compare(String what, float[] got, float[] want, int cols, double tolerance) {
        if (got.length != want.length) {
            throw new AssertionError(what + ": " + got.length + " values, want " + want.length);
        }
        for (int row = 0; row * cols < want.length; row++) {
            double most = 1e-30;
            double off = 0;
            for (int i = row * cols; i < (row + 1) * cols; i++) {
                most = Math.max(most, Math.abs(want[i]));
                double d = Math.abs((double) got[i] - want[i]);
                off = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(off, d);
            }
            worst = Math.max(worst, off / most);
            if (off / most > tolerance) {
                throw new AssertionError(String.format(
                        Locale.ROOT,
                        "%s: row %d is off by %.3g of its greatest value, allowed %.3g; got %s..., want %s...",
                        what,
                        row,
                        off / most,
                        tolerance,
                        head(got, row * cols, cols),
                        head(want, row * cols, cols)));
            }
        }
    }

    private static String head(float[] values, int from, int cols) {
        return Arrays.toString(Arrays.copyOfRange(values, from, from + Math.min(4, cols)));
    }

    // Measurement

    /**
     * Measures one run of what {@code queue} puts on the stream {@code runs} times (over different data, say, so that
     * nothing comes from a cache): captured once, replayed, the median.
     */
    public void timed(String what, int runs, Runnable queue, double bytes, double flops) {
        timings.add(new Timing(what, microseconds(captured(queue)) / runs, bytes, flops));
    }

    /** The same once it has kept the card busy for half a second, since the clock falls as the card reaches its power. */
    public void timedUnderLoad(String what, int runs, Runnable queue, double bytes, double flops) {
        Graph graph = captured(queue);
        long begin = System.nanoTime();
        while (System.nanoTime() - begin < LOADING_NANOS) {
            driver.launch(stream, graph);
            driver.synchronize(stream);
        }
        timings.add(new Timing(what, microseconds(graph) / runs, bytes, flops));
    }

    private Graph captured(Runnable queue) {
        queue.run();
        driver.synchronize(stream);
        driver.beginCapture(stream);
        queue.run();
        return driver.endCapture(stream);
    }

    private double microseconds(Graph graph) {
        Event from = driver.openEvent(Event.Kind.TIMED);
        Event to = driver.openEvent(Event.Kind.TIMED);
        var times = new double[REPEATS];
        for (int i = -WARM_UPS; i < REPEATS; i++) {
            driver.record(from, stream);
            driver.launch(stream, graph);
            driver.record(to, stream);
            driver.await(to);
            if (i >= 0) {
                times[i] = driver.milliseconds(from, to) * 1e3;
            }
        }
        Arrays.sort(times);
        driver.closeEvent(from);
        driver.closeEvent(to);
        driver.closeGraph(graph);
        return times[REPEATS / 2];
    }

    @Override
    public void close() {
        driver.synchronize(stream);
        held.forEach(driver::free);
        driver.closeStream(stream);
    }
}
