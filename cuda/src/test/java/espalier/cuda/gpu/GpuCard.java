package espalier.cuda.gpu;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.ProductLibrary;
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
 *
 * <p>A card under load is held at its power, and its clock falls by a quarter: products of a long prompt, one alone after a
 * pause, take a fifth less than the same in a serving engine. The engine that the bars are for is measured under load, and so
 * were the products that they are scaled by (gate and up at 676 TFLOP/s). So here too the card first works for some seconds,
 * each product is then launched behind itself without a pause, and counts once it has run so for a while.
 */
public final class GpuCard {
    /** Rows of w and columns of w: the projections, the head last. */
    static final int[][] SHAPES = {{4096, 4096}, {6144, 4096}, {28672, 4096}, {4096, 14336}, {128256, 4096}};

    /** The rows of prompts first, while the card is still under the load before them. */
    static final int[] ROWS = {GpuFloors.PROMPT_ROWS, 1, 64, 256};

    /** Most work a byte: gate and up. */
    private static final int[] HEAVIEST = SHAPES[2];

    private static final int REPEATS = 9;
    private static final long MILLISECOND = 1_000_000;

    /** How long a card works before its clock tells what it will be: from cool, and from one load to the next. */
    private static final long WARMING_NANOS = 3_000 * MILLISECOND;

    private static final long SETTLING_NANOS = 500 * MILLISECOND;

    /** For what memory bounds: its clock does not fall. */
    private static final long BRIEF_NANOS = 50 * MILLISECOND;

    private final Driver driver;
    private final Stream stream;
    private final GpuLog log;
    /** Launches that one measurement spans, without a pause between them. */
    private final int launches;

    /** In a rehearsal shapes are smaller by this factor, and nothing is waited for. */
    private final int shrink;

    private GpuCard(Driver driver, GpuLog log) {
        this.driver = driver;
        this.log = log;
        stream = driver.openStream();
        boolean rehearsed = !System.getProperty("espalier.gpu.simulated", "").isEmpty();
        shrink = rehearsed ? 64 : 1;
        launches = rehearsed ? 1 : 16;
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
        double micros = median(() -> driver.copy(stream, from, to, bytes), BRIEF_NANOS);
        log.tell("card", "device copy", 2 * bytes / micros / 1e3, "GB/s");
        driver.free(from);
        driver.free(to);
        if (!driver.products().missing().isEmpty()) {
            log.tell("card", "products", driver.products().missing(), "");
            return;
        }
        product(HEAVIEST, GpuFloors.PROMPT_ROWS, WARMING_NANOS);
        for (int rows : ROWS) {
            long settling = rows == GpuFloors.PROMPT_ROWS ? SETTLING_NANOS : BRIEF_NANOS;
            for (int[] shape : SHAPES) {
                log.tell("card", product(shape, rows), product(shape, rows, settling), "us");
            }
        }
    }

    /**
     * As the figures were taken that the bars are scaled by: one product again and again, so that what fits stays in the cache,
     * of random numbers, since zeros let the card's clock rise by a tenth.
     */
    private double product(int[] full, int fullRows, long settlingNanos) {
        int out = full[0] / shrink;
        int in = full[1] / shrink;
        int rows = Math.max(1, fullRows / shrink);
        long w = driver.allocate(2L * out * in, "products");
        long x = driver.allocate(2L * rows * in, "products");
        long y = driver.allocate(2L * rows * out, "products");
        var numbers = new Elementwise(driver, stream);
        numbers.fillUniform(View.dense(w, DType.BF16, out, in), 1, 0.05f);
        numbers.fillUniform(View.dense(x, DType.BF16, rows, in), 2, 1);
        driver.synchronize(stream);
        ProductLibrary products = driver.products();
        var shape = new ProductLibrary.Shape(
                rows, out, in, ProductLibrary.Element.BF16, ProductLibrary.Element.BF16, ProductLibrary.Sum.REPLACE);
        var operands = new ProductLibrary.Operands(x, in, w, in, y, out);
        ProductLibrary.Plan plan = products.plan(shape, ProductLibrary.Algorithm.MEASURED, operands);
        double micros = median(() -> products.multiply(stream, plan, operands), settlingNanos);
        driver.free(w);
        driver.free(x);
        driver.free(y);
        return micros;
    }

    /** Microseconds of one launch among many, once the card has done nothing else for so long. */
    private double median(Runnable queue, long settlingNanos) {
        Event begin = driver.openEvent(Event.Kind.TIMED);
        Event end = driver.openEvent(Event.Kind.TIMED);
        var times = new double[REPEATS];
        long settled = System.nanoTime() + settlingNanos / shrink;
        for (int i = 0; i < REPEATS; ) {
            driver.record(begin, stream);
            for (int j = 0; j < launches; j++) {
                queue.run();
            }
            driver.record(end, stream);
            driver.await(end);
            if (System.nanoTime() > settled) {
                times[i++] = driver.milliseconds(begin, end) * 1e3 / launches;
            }
        }
        driver.closeEvent(begin);
        driver.closeEvent(end);
        Arrays.sort(times);
        return times[REPEATS / 2];
    }
}
