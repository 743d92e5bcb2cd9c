package espalier.cuda.driver;

import espalier.api.EngineFault;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Products by cuBLASLt. Its first suggestion is often not the fastest (on an H200 three times slower at one row), so the
 * suggestions are measured once.
 *
 * <p>A step may have any number of rows, and each has descriptors of its own: those of the products that were used last are
 * kept, others are made anew, with the same algorithm.
 */
final class CublasProductLibrary implements ProductLibrary {
    private static final String MISSING =
            "cuBLASLt 12 or 13 (libcublasLt.so) was not found; install the CUDA toolkit or"
                    + " 'pip install nvidia-cublas', and name its folder by CUDA_HOME if it is an unusual one";

    static final long WORKSPACE_BYTES = 32L << 20;
    private static final int MEASURED_RUNS = 5;

    /** A model has five products; so those of some 200 numbers of rows. */
    static final int MOST_PLANS = 1024;

    /** Where a fixed choice is made, whatever the rows are. */
    private static final int FIXED_ROWS = 256;

    private final CudaDriver driver;
    private final Optional<Supplier<Symbols>> found;
    private final CublasAlgorithms algorithms;

    /** Those that were used last are the last. */
    private final LinkedHashMap<Key, Planned> planned = new LinkedHashMap<>(16, 0.75f, true);

    private final Map<Long, Planned> byHandle = new HashMap<>();
    private long plans;
    private @Nullable Library opened;

    CublasProductLibrary(CudaDriver driver, Optional<Supplier<Symbols>> found, CublasAlgorithms algorithms) {
        this.driver = driver;
        this.found = found;
        this.algorithms = algorithms;
    }

    private record Key(Shape shape, Algorithm algorithm, CublasProduct.Strides strides) {}

    /** Opened at first use. */
    private record Library(CublasLt lt, long workspace) {}

    private record Planned(Plan plan, CublasProduct product, byte[] algorithm) {}

    @Override
    public String missing() {
        return found.isEmpty() ? MISSING : "";
    }

    @Override
    public String version() {
        return found.isEmpty() ? "" : Integer.toString(opened().lt.version());
    }

    @Override
    public void open() {
        opened();
    }

    @Override
    public long workspaceBytes() {
        return found.isEmpty() ? 0 : WORKSPACE_BYTES;
    }

    private Library opened() {
        Library open = opened;
        if (open == null) {
            Supplier<Symbols> library = found.orElseThrow(() -> new EngineFault(EngineFault.Code.RESOURCE, MISSING));
            long workspace = driver.allocate(WORKSPACE_BYTES, "cuBLASLt's workspace");
            open = new Library(new CublasLt(library.get()), workspace);
            opened = open;
        }
        return open;
    }

    @Override
    public Plan plan(Shape shape, Algorithm algorithm, Operands probe) {
        var strides = new CublasProduct.Strides(probe.xStride(), probe.wStride(), probe.yStride());
        var key = new Key(shape, algorithm, strides);
        Planned known = planned.get(key);
        if (known == null) {
            known = planned(opened(), key, probe);
            planned.put(key, known);
            byHandle.put(known.plan.handle(), known);
            if (planned.size() > MOST_PLANS) {
                forget(planned.pollFirstEntry().getValue());
            }
        }
        return known.plan;
    }

    private void forget(Planned old) {
        byHandle.remove(old.plan.handle());
        old.product.close();
    }

    @Override
    public void multiply(Stream stream, Plan plan, Operands operands) {
        Planned p = byHandle.get(plan.handle());
        if (p == null) {
            throw new IllegalArgumentException(plan.shape() + " was planned too long ago: plan it again");
        }
        Library open = opened();
        int status = open.lt.multiply(p.product, p.algorithm, operands, open.workspace, stream);
        open.lt.check(status, "cublasLtMatmul of " + plan.shape());
    }

    private Planned planned(Library open, Key key, Operands probe) {
        CublasProduct product = CublasProduct.of(open.lt, key.shape, key.strides);
        CublasAlgorithms.Chosen chosen = switch (key.algorithm) {
            case MEASURED -> kept(open, key).orElseGet(() -> keep(open, key, fastest(open, product, probe)));
            case KNOWN ->
                kept(open, measured(key.shape))
                        .filter(c -> product.isServedBy(c.algorithm()))
                        .orElseGet(() -> first(product, CublasProduct.Sums.ANY));
            case FIXED -> kept(open, fixed(key)).orElseGet(() -> keep(open, fixed(key), firstFixed(open, fixed(key))));
        };
        return new Planned(new Plan(plans++, key.shape, chosen.microseconds()), product, chosen.algorithm());
    }

    private Optional<CublasAlgorithms.Chosen> kept(Library open, Key key) {
        return algorithms.read(name(open, key));
    }

    private CublasAlgorithms.Chosen keep(Library open, Key key, CublasAlgorithms.Chosen chosen) {
        algorithms.write(name(open, key), chosen);
        return chosen;
    }

    private String name(Library open, Key key) {
        DeviceProperties device = driver.properties();
        return device.name() + ", driver " + device.driverVersion() + ", cuBLASLt " + open.lt.version() + ", " + key;
    }

    /** What was measured in place of a product of dense operands: the same at the next number of rows that is measured. */
    private static Key measured(Shape s) {
        int rows = ProductRows.above(s.rows());
        var shape =
                new Shape(rows, s.out(), s.in(), s.operands(), s.result(), Sum.REPLACE); // what is added costs nothing
        return new Key(shape, Algorithm.MEASURED, new CublasProduct.Strides(s.in(), s.in(), s.out()));
    }

    private static Key fixed(Key key) {
        Shape s = key.shape;
        var shape = new Shape(FIXED_ROWS, s.out(), s.in(), s.operands(), s.result(), s.sum());
        return new Key(shape, key.algorithm, key.strides);
    }

    private static CublasAlgorithms.Chosen first(CublasProduct product, CublasProduct.Sums sums) {
        return new CublasAlgorithms.Chosen(product.suggestions(sums).getFirst(), 0);
    }

    private static CublasAlgorithms.Chosen firstFixed(Library open, Key fixed) {
        CublasProduct there = CublasProduct.of(open.lt, fixed.shape, fixed.strides);
        try {
            return first(there, CublasProduct.Sums.UNSPLIT);
        } finally {
            there.close();
        }
    }

    /** In turns, each after something else has gone through the cache, as in a model. */
    private CublasAlgorithms.Chosen fastest(Library open, CublasProduct product, Operands probe) {
        List<byte[]> suggestions = product.suggestions(CublasProduct.Sums.ANY);
        Stream stream = driver.openStream();
        long flushBytes = Math.max(1, driver.properties().l2Bytes());
        long flush = driver.allocate(flushBytes, "measuring products");
        Event from = driver.openEvent(Event.Kind.TIMED);
        Event to = driver.openEvent(Event.Kind.TIMED);
        try {
            var times = new double[suggestions.size()][MEASURED_RUNS];
            for (int run = -1; run < MEASURED_RUNS; run++) {
                for (int i = 0; i < times.length; i++) {
                    driver.fill(stream, flush, run, flushBytes / 4);
                    driver.record(from, stream);
                    int status = open.lt.multiply(product, suggestions.get(i), probe, open.workspace, stream);
                    driver.record(to, stream);
                    driver.await(to);
                    if (run >= 0) {
                        times[i][run] = status == 0 ? driver.milliseconds(from, to) : Double.POSITIVE_INFINITY;
                    }
                }
            }
            int best = 0;
            for (int i = 0; i < times.length; i++) {
                Arrays.sort(times[i]);
                best = times[i][MEASURED_RUNS / 2] < times[best][MEASURED_RUNS / 2] ? i : best;
            }
            return new CublasAlgorithms.Chosen(suggestions.get(best), times[best][MEASURED_RUNS / 2] * 1e3);
        } finally {
            driver.closeEvent(from);
            driver.closeEvent(to);
            driver.free(flush);
            driver.closeStream(stream);
        }
    }

    /** The workspace is the driver's to free. */
    void close() {
        Library open = opened;
        if (open != null) {
            opened = null;
            open.lt.close();
        }
    }

    /** As {@link #close}, of a GPU that does not answer. */
    void forget() {
        Library open = opened;
        if (open != null) {
            opened = null;
            open.lt.forget();
        }
    }
}
