package espalier.cuda.gpu;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Products;
import espalier.cuda.driver.Stream;
import espalier.cuda.kernel.Elementwise;
import espalier.cuda.kernel.View;
import espalier.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * What the card itself does, in the same run as the rest: its copies, and the vendor's products in the shapes of
 * Llama-3.1-8B. The bars were set on another card: they scale with what is found here ({@link GpuFloors}). {@code OUT}
 */
public final class GpuCard {
    /** Rows of w and columns of w: the projections, the head last. */
    static final int[][] SHAPES = {{4096, 4096}, {6144, 4096}, {28672, 4096}, {4096, 14336}, {128256, 4096}};

    static final int[] ROWS = {1, 64, 256, 4096};
    private static final int REPEATS = 9;
    private static final long SETTLING_NANOS = 50_000_000;

    private final Driver driver;
    private final Stream stream;
    private final GpuLog log;
    private final int shrink;

    private GpuCard(Driver driver, GpuLog log) {
        this.driver = driver;
        this.log = log;
        stream = driver.openStream();
        shrink = System.getProperty("espalier.gpu.simulated", "").isEmpty() ? 1 : 64;
    }

    public static void main(String[] args) throws Exception {
        Driver driver = GpuKernels.driver();
        driver.bind();
        var log = new GpuLog(Path.of(args[0]));
        log.tell("card", "device", driver.properties().name(), "");
        log.tell("card", "CUDA of the driver", driver.properties().driverVersion(), "");
        new GpuCard(driver, log).measure();
        System.exit(0);
    }

    static String product(int[] shape, int rows) {
        return String.format(Locale.ROOT, "product %d x %d, %d rows", shape[0], shape[1], rows);
    }

    private void measure() {
        long bytes = (2L << 30) / shrink / shrink;
        long from = driver.allocate(bytes, "copies");
        long to = driver.allocate(bytes, "copies");
        driver.fill(stream, from, 0, bytes / 4);
        double micros = median(() -> driver.copy(stream, from, to, bytes));
        log.tell("card", "device copy", 2 * bytes / micros / 1e3, "GB/s");
        driver.free(from);
        driver.free(to);
        if (!driver.products().missing().isEmpty()) {
            log.tell("card", "products", driver.products().missing(), "");
            return;
        }
        for (int[] shape : SHAPES) {
            for (int rows : ROWS) {
                double each = product(shape[0] / shrink, shape[1] / shrink, Math.max(1, rows / shrink));
                log.tell("card", product(shape, rows), each, "us");
            }
        }
    }

    /**
     * As the figures were taken that the bars are scaled by: one product again and again, so that what fits stays in the cache,
     * of random numbers, since zeros let the card's clock rise by a tenth.
     */
    private double product(int out, int in, int rows) {
        long w = driver.allocate(2L * out * in, "products");
        long x = driver.allocate(2L * rows * in, "products");
        long y = driver.allocate(2L * rows * out, "products");
        var numbers = new Elementwise(driver, stream);
        numbers.fillUniform(View.dense(w, DType.BF16, out, in), 1, 0.05f);
        numbers.fillUniform(View.dense(x, DType.BF16, rows, in), 2, 1);
        driver.synchronize(stream);
        Products products = driver.products();
        var shape =
                new Products.Shape(rows, out, in, Products.Element.BF16, Products.Element.BF16, Products.Sum.REPLACE);
        var operands = new Products.Operands(x, in, w, in, y, out);
        Products.Plan plan = products.plan(shape, Products.Choice.MEASURED, operands);
        double micros = median(() -> products.multiply(stream, plan, operands));
        driver.free(w);
        driver.free(x);
        driver.free(y);
        return micros;
    }

    /** Of what it takes once the clock has settled. */
    private double median(Runnable queue) {
        Event begin = driver.openEvent(Event.Kind.TIMED);
        Event end = driver.openEvent(Event.Kind.TIMED);
        var times = new double[REPEATS];
        long settled = System.nanoTime() + SETTLING_NANOS;
        for (int i = 0; i < REPEATS; ) {
            driver.record(begin, stream);
            queue.run();
            driver.record(end, stream);
            driver.await(end);
            if (System.nanoTime() > settled) {
                times[i++] = driver.milliseconds(begin, end) * 1e3;
            }
        }
        driver.closeEvent(begin);
        driver.closeEvent(end);
        Arrays.sort(times);
        return times[REPEATS / 2];
    }
}
