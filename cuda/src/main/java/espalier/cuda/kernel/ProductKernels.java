package espalier.cuda.kernel;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.ProductLibrary;
import espalier.cuda.driver.Stream;
import espalier.tensor.DType;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * Matrix products {@code y = x w^T} on one stream: our kernels for decode batches, for more rows those or the vendor's
 * library, as {@link ProductChoices} remembers from measurements. In deterministic mode one kernel serves every number of rows of a
 * weight, or several that add in the same order, and sums do not depend on that number, so a row of {@code y} has the same bits in
 * every batch.
 */
public final class ProductKernels {
    private static final int REPEATS = 5;

    /**
     * From so many rows on {@link PromptProduct} computes gated products alone: a card that reads prompts without a pause is held at
     * its power, and then the library, which needs less energy, is 4 to 8% faster, but not on the cool card that measures it (H200).
     */
    private static final int ROWS_UNDER_LOAD = 2048;

    /** Numbers of rows that take another kernel than the next greater one are multiples of the small step up to here. */
    private static final int ROWS_IN_SMALL_STEPS = 1024;

    private static final int SMALL_STEP = 8;
    private static final int LARGE_STEP = 64;
    private static final int ALIGNED_BYTES = 256;

    private final Driver driver;
    private final Stream stream;
    private final Mode mode;
    private final ProductChoices choices;
    private final WgmmaProduct wgmma;
    private final PromptProduct prompt;
    private final MmaProduct mma;
    private final boolean libraryIsThere;
    private final int rehearsedRows;
    private final Set<Rehearsed> rehearsed = new HashSet<>();

    /** What counts. */
    public enum Mode {
        FASTEST,
        DETERMINISTIC
    }

    public ProductKernels(Driver driver, Stream stream, Mode mode, ProductChoices choices) {
        this(driver, stream, mode, choices, 0);
    }

    private ProductKernels(Driver driver, Stream stream, Mode mode, ProductChoices choices, int rehearsedRows) {
        this.driver = driver;
        this.stream = stream;
        this.mode = mode;
        this.choices = choices;
        this.wgmma = new WgmmaProduct(driver, stream);
        this.prompt = new PromptProduct(driver, stream);
        this.mma = new MmaProduct(driver, stream);
        this.libraryIsThere = driver.products().missing().isEmpty();
        this.rehearsedRows = rehearsedRows;
    }

    /**
     * For a driver that only notes what it is asked for: each product asks for the kernels of every number of rows up to that
     * many, once a shape.
     */
    public static ProductKernels rehearsed(
            Driver driver, Stream stream, Mode mode, ProductChoices choices, int mostRows) {
        return new ProductKernels(driver, stream, mode, choices, mostRows);
    }

    public Mode mode() {
        return mode;
    }

    /** Takes the vendor's workspace now rather than at the first product, where it is used at all. */
    public void openLibrary() {
        if (usesLibrary()) {
            driver.products().open();
        }
    }

    /** Bytes of the device's memory that {@link #openLibrary} takes. */
    public long libraryBytes() {
        return usesLibrary() ? driver.products().workspaceBytes() : 0;
    }

    private boolean usesLibrary() {
        return mode == Mode.FASTEST && libraryIsThere;
    }

    /** Queues {@code y = x w^T} with the epilogue. For {@link Epilogue#SILU_MUL} {@link #fuses} must hold. */
    public void multiply(View x, View w, View y, Epilogue epilogue) {
        if (rehearsedRows > 0) {
            rehearse(x, w, y, epilogue);
        } else {
            run(choice(x, w, y, epilogue), new Call(x, w, y, epilogue), ProductLibrary.Algorithm.KNOWN);
        }
    }

    /** What a product's kernels follow from, the number of rows aside. */
    private record Rehearsed(View x, View w, View y, Epilogue epilogue) {
        static Rehearsed of(View x, View w, View y, Epilogue epilogue) {
            return new Rehearsed(somewhere(x, 1), somewhere(w, w.rows()), somewhere(y, 1), epilogue);
        }

        /** Aligned as it is. */
        private static View somewhere(View v, int rows) {
            return new View(v.address() % ALIGNED_BYTES, v.type(), rows, v.cols(), v.stride());
        }
    }

    private void rehearse(View x, View w, View y, Epilogue epilogue) {
        var shape = Rehearsed.of(x, w, y, epilogue);
        if (!rehearsed.add(shape)) {
            return;
        }
        int step = 1;
        for (int next = 1; next <= rehearsedRows; next += step) {
            step = next <= ROWS_IN_SMALL_STEPS ? SMALL_STEP : LARGE_STEP;
            rehearse(shape, next);
            rehearse(shape, Math.min(rehearsedRows, next + step - 1));
        }
    }

    private void rehearse(Rehearsed shape, int rows) {
        View x = withRows(shape.x, rows);
        View y = withRows(shape.y, rows);
        ProductChoice choice = choice(x, shape.w, y, shape.epilogue);
        if (choice != ProductChoice.VENDOR) {
            run(choice, new Call(x, shape.w, y, shape.epilogue), ProductLibrary.Algorithm.KNOWN);
        } else if (shape.epilogue == Epilogue.SILU_MUL) {
            View both = View.dense(0, y.type(), 1, shape.w.rows());
            new Elementwise(driver, stream).siluMul(both, View.dense(0, y.type(), 1, shape.w.rows() / 2));
        }
    }

    private static View withRows(View v, int rows) {
        return new View(v.address(), v.type(), rows, v.cols(), v.stride());
    }

    /**
     * Whether {@code y = silu(gate) * up} is best computed by one product. Where not, both halves are to be computed by
     * {@link Epilogue#STORE} and multiplied by {@link Elementwise#siluMul}, which rounds them in between.
     */
    public boolean fuses(View x, View w, View y) {
        return rehearsedRows > 0 || choice(x, w, y, Epilogue.SILU_MUL) != ProductChoice.VENDOR;
    }

    private ProductChoice choice(View x, View w, View y, Epilogue epilogue) {
        if (mode == Mode.DETERMINISTIC || !libraryIsThere) {
            return ProductChoice.fixed(driver.properties(), x, w, y, epilogue);
        }
        ProductChoice ours = ProductChoice.unquestioned(driver.properties(), x, w, y, epilogue);
        if (ours != null) {
            return ours;
        }
        ProductChoice measured = choices.of(ProductChoices.Key.of(x.rows(), w, y.type()));
        if (epilogue == Epilogue.SILU_MUL) { // where the plain product is the library's, so is this
            View both = new View(y.address(), y.type(), y.rows(), w.rows(), w.rows());
            ProductChoice plain = choice(x, w, both, Epilogue.STORE);
            return plain == ProductChoice.VENDOR || plain.serves(driver.properties(), x, w, y, epilogue)
                    ? plain
                    : ProductChoice.MMA;
        }
        return measured != null && measured.serves(driver.properties(), x, w, y, epilogue)
                ? measured
                : ProductChoice.unmeasured(driver.properties(), x, w, y, epilogue);
    }

    private record Call(View x, View w, View y, Epilogue epilogue) {}

    private void run(ProductChoice choice, Call call, ProductLibrary.Algorithm ofLibrary) {
        switch (choice) {
            case WGMMA -> wgmma.multiply(call.x, call.w, call.y, call.epilogue);
            case PROMPT -> prompt.multiply(call.x, call.w, call.y, call.epilogue);
            case MMA -> mma.multiply(call.x, call.w, call.y, call.epilogue);
            case VENDOR -> vendor(call.x, call.w, call.y, call.epilogue, ofLibrary);
        }
    }

    private void vendor(View x, View w, View y, Epilogue epilogue, ProductLibrary.Algorithm how) {
        var shape = new ProductLibrary.Shape(
                x.rows(),
                w.rows(),
                w.cols(),
                element(x.type()),
                element(y.type()),
                epilogue == Epilogue.ADD ? ProductLibrary.Sum.ADD : ProductLibrary.Sum.REPLACE);
        ProductLibrary products = driver.products();
        var operands =
                new ProductLibrary.Operands(x.address(), x.stride(), w.address(), w.stride(), y.address(), y.stride());
        products.multiply(stream, products.plan(shape, how, operands), operands);
    }

    private static ProductLibrary.Element element(DType type) {
        return switch (type) {
            case BF16 -> ProductLibrary.Element.BF16;
            case F16 -> ProductLibrary.Element.F16;
            case F32, I32 -> ProductLibrary.Element.F32;
        };
    }

    /**
     * Measures what computes {@code rows} rows times {@code w} fastest, unless that is known, and remembers it. Nothing is
     * measured where the choice is unquestioned. Waits for
     * the device; takes memory for operands and for what flushes the cache, and gives it back. Not during a capture.
     */
    public void measure(View w, int rows, DType activation, DType result) {
        ProductChoices.Key key = ProductChoices.Key.of(rows, w, result);
        if (mode == Mode.DETERMINISTIC || !libraryIsThere || choices.of(key) != null) {
            return;
        }
        View someX = View.dense(0, activation, rows, w.cols());
        View someY = View.dense(0, result, rows, w.rows());
        if (ProductChoice.unquestioned(driver.properties(), someX, w, someY, Epilogue.STORE) != null) {
            return;
        }
        long flushBytes = 2 * driver.properties().l2Bytes();
        long flush = driver.allocate(flushBytes, "measuring products");
        long xs = driver.allocate((long) rows * w.cols() * activation.bytes(), "measuring products");
        long ys = driver.allocate((long) rows * w.rows() * result.bytes(), "measuring products");
        View x = View.dense(xs, activation, rows, w.cols());
        View y = View.dense(ys, result, rows, w.rows());
        new Elementwise(driver, stream).fillUniform(x, rows, 1); // zeros would need less power, and the clock be higher
        var call = new Call(x, w, y, Epilogue.STORE);
        driver.synchronize(stream); // the library measures on a stream of its own
        double best = Double.POSITIVE_INFINITY;
        ProductChoice fastest = null;
        for (ProductChoice each : ProductChoice.values()) {
            boolean costly = each == ProductChoice.PROMPT && rows >= ROWS_UNDER_LOAD;
            if (costly || !each.serves(driver.properties(), x, w, y, Epilogue.STORE)) {
                continue;
            }
            double time = time(() -> run(each, call, ProductLibrary.Algorithm.MEASURED), flush, flushBytes);
            if (time < best) {
                best = time;
                fastest = each;
            }
        }
        if (fastest != null) {
            choices.put(key, fastest, best); // only now, or an interrupted start would keep the first for ever
        }
        driver.free(flush);
        driver.free(xs);
        driver.free(ys);
    }

    private double time(Runnable product, long flush, long flushBytes) {
        product.run(); // compiles
        Event from = driver.openEvent(Event.Kind.TIMED);
        Event to = driver.openEvent(Event.Kind.TIMED);
        var times = new double[REPEATS];
        for (int i = 0; i < REPEATS; i++) {
            driver.fill(stream, flush, i, flushBytes / Integer.BYTES);
            driver.record(from, stream);
            product.run();
            driver.record(to, stream);
            driver.await(to);
            times[i] = driver.milliseconds(from, to) * 1e3;
        }
        driver.closeEvent(from);
        driver.closeEvent(to);
        Arrays.sort(times);
        return times[REPEATS / 2];
    }
}
