package espalier.cuda.gpu;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Products;
import espalier.cuda.driver.Stream;
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
        double micros = median(() -> driver.copy(stream, from, to, bytes), 1);
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

    /** As many copies of the weights as the cache cannot hold take turns. */
    private double product(int out, int in, int rows) {
        long weight = 2L * out * in;
        int copies = (int) Math.max(1, Math.min(8, 4 * driver.properties().l2Bytes() / weight));
        long w = driver.allocate(weight * copies, "products");
        long x = driver.allocate(2L * rows * in, "products");
        long y = driver.allocate(2L * rows * out, "products");
        driver.fill(stream, w, 0, weight * copies / 4);
        driver.fill(stream, x, 0, (long) rows * in / 2);
        driver.synchronize(stream);
        Products products = driver.products();
        var shape =
                new Products.Shape(rows, out, in, Products.Element.BF16, Products.Element.BF16, Products.Sum.REPLACE);
        var first = new Products.Operands(x, in, w, in, y, out);
        Products.Plan plan = products.plan(shape, Products.Choice.MEASURED, first);
        double micros = median(
                () -> {
                    for (int i = 0; i < copies; i++) {
                        products.multiply(stream, plan, new Products.Operands(x, in, w + i * weight, in, y, out));
                    }
                },
                copies);
        driver.free(w);
        driver.free(x);
        driver.free(y);
        return micros;
    }

    private double median(Runnable queue, int runs) {
        Event begin = driver.openEvent(Event.Kind.TIMED);
        Event end = driver.openEvent(Event.Kind.TIMED);
        var times = new double[REPEATS];
        for (int i = -2; i < REPEATS; i++) {
            driver.record(begin, stream);
            queue.run();
            driver.record(end, stream);
            driver.await(end);
            if (i >= 0) {
                times[i] = driver.milliseconds(begin, end) * 1e3 / runs;
            }
        }
        driver.closeEvent(begin);
        driver.closeEvent(end);
        Arrays.sort(times);
        return times[REPEATS / 2];
    }
}
