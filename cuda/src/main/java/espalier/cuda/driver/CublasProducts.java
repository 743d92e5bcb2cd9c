package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Products by cuBLASLt. It counts columns first, so {@code y = x w^T} is asked for as {@code y^T = w x^T}, with w
 * transposed. Its first suggestion is often not the fastest (on an H200 three times slower at one row), so the
 * suggestions are measured once.
 */
final class CublasProducts implements Products {
    private static final String LIBRARY = "libcublasLt";
    private static final String MISSING =
            "cuBLASLt 12 or 13 (libcublasLt.so) was not found; install the CUDA toolkit or"
                    + " 'pip install nvidia-cublas', and name its folder by CUDA_HOME if it is an unusual one";

    private static final int COMPUTE_32F = 68;
    private static final int TRANSPOSE_A = 3;
    private static final int PREFER_WORKSPACE = 1;
    private static final int PREFER_REDUCTION = 3;
    private static final int TRANSPOSED = 1;
    static final int ALGORITHM_BYTES = 64;
    private static final int SUGGESTION_BYTES = 96;
    private static final int SUGGESTIONS = 16;
    private static final int MEASURED_RUNS = 5;
    private static final long WORKSPACE_BYTES = 32L << 20;

    /** Where a fixed choice is made, whatever the rows are. */
    private static final int FIXED_ROWS = 256;

    private final CudaDriver driver;
    private final Optional<Libraries.Found> library;
    private final ProductChoices choices;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment scale = arena.allocate(JAVA_FLOAT, 2);
    private final Map<Key, Planned> planned = new HashMap<>();
    private final List<Planned> byHandle = new ArrayList<>();
    private @Nullable Lt lt;

    CublasProducts(CudaDriver driver, Libraries libraries, Path choicesFolder) {
        this.driver = driver;
        this.library = libraries.find(LIBRARY, 12, 13);
        this.choices = new ProductChoices(choicesFolder);
        scale.setAtIndex(JAVA_FLOAT, 0, 1);
        scale.setAtIndex(JAVA_FLOAT, 1, 0);
    }

    private record Key(Shape shape, Choice choice, int xStride, int wStride, int yStride) {}

    /** The library, opened at first use. */
    private record Lt(CudaCalls calls, Call multiply, long handle, long workspace, long version) {
        void check(int status, String what) {
            if (status != 0) {
                throw new EngineFault(
                        EngineFault.Code.DEVICE, what + " failed with cuBLAS status " + status + name(status));
            }
        }

        private static String name(int status) {
            return switch (status) {
                case 1 -> " (not initialised)";
                case 3 -> " (out of memory; lower --mem-fraction-static)";
                case 7 -> " (invalid value)";
                case 8 -> " (the library does not support this GPU)";
                case 13 -> " (execution failed)";
                case 14 -> " (internal error)";
                case 15 -> " (not supported)";
                default -> "";
            };
        }

        void run(String name, long... arguments) {
            check(calls.status(name, arguments), name);
        }

        long obtain(String name, long... rest) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment out = arena.allocate(JAVA_LONG);
                run(name, CudaCalls.after(out.address(), rest));
                return out.get(JAVA_LONG, 0);
            }
        }
    }

    /** Descriptors of one shape, and the algorithm. */
    private record Planned(Plan plan, long operation, long w, long x, long y, MemorySegment algorithm) {}

    /** A suggestion of the library. */
    private record Suggestion(byte[] algorithm, long workspaceBytes) {}

    @Override
    public String missing() {
        return library.isEmpty() ? MISSING : "";
    }

    @Override
    public void open() {
        opened();
    }

    @Override
    public long workspaceBytes() {
        return library.isEmpty() ? 0 : WORKSPACE_BYTES;
    }

    @Override
    public Plan plan(Shape shape, Choice choice, Operands probe) {
        var key = new Key(shape, choice, probe.xStride(), probe.wStride(), probe.yStride());
        Planned known = planned.get(key);
        if (known == null) {
            Lt open = opened();
            known = planned(open, key, probe);
            planned.put(key, known);
            byHandle.add(known);
        }
        return known.plan;
    }

    @Override
    public void multiply(Stream stream, Plan plan, Operands operands) {
        Lt open = opened();
        Planned p = byHandle.get((int) plan.handle());
        open.check(multiply(open, p, operands, stream), "cublasLtMatmul of " + plan.shape());
    }

    private int multiply(Lt open, Planned p, Operands o, Stream stream) {
        long beta = scale.address() + (p.plan.shape().sum() == Sum.ADD ? 0 : 4);
        return open.multiply.with(
                open.handle,
                p.operation,
                scale.address(),
                o.w(),
                p.w,
                o.x(),
                p.x,
                beta,
                o.y(),
                p.y,
                o.y(),
                p.y,
                p.algorithm.address(),
                open.workspace,
                WORKSPACE_BYTES,
                stream.handle());
    }

    private Lt opened() {
        Lt open = lt;
        if (open == null) {
            Libraries.Found found = library.orElseThrow(() -> new EngineFault(EngineFault.Code.RESOURCE, MISSING));
            var calls = new CudaCalls(Symbols.of(found.file()));
            long workspace = driver.allocate(WORKSPACE_BYTES, "cuBLASLt's workspace");
            var fresh = new Lt(calls, calls.call("cublasLtMatmul", 16), 0, workspace, 0);
            long handle = fresh.obtain("cublasLtCreate");
            long version = calls.status("cublasLtGetVersion");
            open = new Lt(calls, fresh.multiply, handle, workspace, version);
            lt = open;
        }
        return open;
    }

    private Planned planned(Lt open, Key key, Operands probe) {
        Shape s = key.shape;
        long operation = open.obtain("cublasLtMatmulDescCreate", COMPUTE_32F, type(Element.F32));
        set(open, "cublasLtMatmulDescSetAttribute", operation, TRANSPOSE_A, TRANSPOSED, 4);
        long w = open.obtain("cublasLtMatrixLayoutCreate", type(s.operands()), s.in(), s.out(), key.wStride);
        long x = open.obtain("cublasLtMatrixLayoutCreate", type(s.operands()), s.in(), s.rows(), key.xStride);
        long y = open.obtain("cublasLtMatrixLayoutCreate", type(s.result()), s.out(), s.rows(), key.yStride);
        MemorySegment algorithm = arena.allocate(ALGORITHM_BYTES, 8);
        var trial = new Planned(new Plan(byHandle.size(), s, 0), operation, w, x, y, algorithm);
        ProductChoices.Chosen chosen = switch (key.choice) {
            case MEASURED ->
                kept(open, key)
                        .orElseGet(() -> keep(open, key, fastest(open, trial, suggestions(open, trial, false), probe)));
            case KNOWN ->
                kept(open, measured(s))
                        .filter(c -> serves(open, trial, c))
                        .orElseGet(() -> first(suggestions(open, trial, false)));
            case FIXED -> kept(open, fixed(key)).orElseGet(() -> keep(open, fixed(key), firstFixed(open, key, trial)));
        };
        MemorySegment.copy(chosen.algorithm(), 0, algorithm, JAVA_BYTE, 0, ALGORITHM_BYTES);
        return new Planned(new Plan(byHandle.size(), s, chosen.microseconds()), operation, w, x, y, algorithm);
    }

    private Optional<ProductChoices.Chosen> kept(Lt open, Key key) {
        return choices.read(name(open, key));
    }

    private ProductChoices.Chosen keep(Lt open, Key key, ProductChoices.Chosen chosen) {
        choices.write(name(open, key), chosen);
        return chosen;
    }

    private String name(Lt open, Key key) {
        DeviceProperties device = driver.properties();
        return device.name() + ", driver " + device.driverVersion() + ", cuBLASLt " + open.version + ", " + key;
    }

    private static ProductChoices.Chosen first(List<Suggestion> suggestions) {
        return new ProductChoices.Chosen(suggestions.getFirst().algorithm, 0);
    }

    /** Whether an algorithm that was chosen for other rows computes this product, too. */
    private static boolean serves(Lt open, Planned p, ProductChoices.Chosen chosen) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment algorithm = scratch.allocate(ALGORITHM_BYTES, 8);
            MemorySegment.copy(chosen.algorithm(), 0, algorithm, JAVA_BYTE, 0, ALGORITHM_BYTES);
            MemorySegment result = scratch.allocate(SUGGESTION_BYTES, 8);
            int status = open.calls.status(
                    "cublasLtMatmulAlgoCheck",
                    open.handle,
                    p.operation,
                    p.w,
                    p.x,
                    p.y,
                    p.y,
                    algorithm.address(),
                    result.address());
            return status == 0 && result.get(JAVA_LONG, ALGORITHM_BYTES) <= WORKSPACE_BYTES;
        }
    }

    /** What was measured in place of a product of dense operands: the same at the next number of rows that is measured. */
    private static Key measured(Shape s) {
        int rows = ProductRows.above(s.rows());
        var shape =
                new Shape(rows, s.out(), s.in(), s.operands(), s.result(), Sum.REPLACE); // what is added costs nothing
        return new Key(shape, Choice.MEASURED, s.in(), s.in(), s.out());
    }

    private static Key fixed(Key key) {
        Shape s = key.shape;
        return new Key(
                new Shape(FIXED_ROWS, s.out(), s.in(), s.operands(), s.result(), s.sum()),
                key.choice,
                key.xStride,
                key.wStride,
                key.yStride);
    }

    private ProductChoices.Chosen firstFixed(Lt open, Key key, Planned trial) {
        Shape s = fixed(key).shape;
        long x = open.obtain("cublasLtMatrixLayoutCreate", type(s.operands()), s.in(), s.rows(), key.xStride);
        long y = open.obtain("cublasLtMatrixLayoutCreate", type(s.result()), s.out(), s.rows(), key.yStride);
        try {
            var at = new Planned(trial.plan, trial.operation, trial.w, x, y, trial.algorithm);
            return first(suggestions(open, at, true));
        } finally {
            open.run("cublasLtMatrixLayoutDestroy", x);
            open.run("cublasLtMatrixLayoutDestroy", y);
        }
    }

    /** @param unsplit without sums in parts */
    private List<Suggestion> suggestions(Lt open, Planned p, boolean unsplit) {
        long preference = open.obtain("cublasLtMatmulPreferenceCreate");
        try (Arena scratch = Arena.ofConfined()) {
            set(open, "cublasLtMatmulPreferenceSetAttribute", preference, PREFER_WORKSPACE, WORKSPACE_BYTES, 8);
            if (unsplit) {
                set(open, "cublasLtMatmulPreferenceSetAttribute", preference, PREFER_REDUCTION, 0, 4);
            }
            MemorySegment found = scratch.allocate((long) SUGGESTIONS * SUGGESTION_BYTES, 8);
            MemorySegment count = scratch.allocate(JAVA_INT);
            open.run(
                    "cublasLtMatmulAlgoGetHeuristic",
                    open.handle,
                    p.operation,
                    p.w,
                    p.x,
                    p.y,
                    p.y,
                    preference,
                    SUGGESTIONS,
                    found.address(),
                    count.address());
            var all = new ArrayList<Suggestion>();
            for (int i = 0; i < count.get(JAVA_INT, 0); i++) {
                MemorySegment each = found.asSlice((long) i * SUGGESTION_BYTES, SUGGESTION_BYTES);
                if (each.get(JAVA_INT, 72) == 0) {
                    all.add(new Suggestion(
                            each.asSlice(0, ALGORITHM_BYTES).toArray(JAVA_BYTE), each.get(JAVA_LONG, 64)));
                }
            }
            if (all.isEmpty()) {
                throw new EngineFault(EngineFault.Code.DEVICE, "cuBLASLt knows no way to compute " + p.plan.shape());
            }
            return all;
        } finally {
            open.run("cublasLtMatmulPreferenceDestroy", preference);
        }
    }

    /** In turns, each after something else has gone through the cache, as in a model. */
    private ProductChoices.Chosen fastest(Lt open, Planned p, List<Suggestion> suggestions, Operands probe) {
        Stream stream = driver.openStream();
        long flushBytes = Math.max(1, driver.properties().l2Bytes());
        long flush = driver.allocate(flushBytes, "measuring products");
        Event from = driver.openEvent(Event.Kind.TIMED);
        Event to = driver.openEvent(Event.Kind.TIMED);
        try {
            var times = new double[suggestions.size()][MEASURED_RUNS];
            for (int run = -1; run < MEASURED_RUNS; run++) {
                for (int i = 0; i < times.length; i++) {
                    MemorySegment.copy(suggestions.get(i).algorithm, 0, p.algorithm, JAVA_BYTE, 0, ALGORITHM_BYTES);
                    driver.fill(stream, flush, run, flushBytes / 4);
                    driver.record(from, stream);
                    int status = multiply(open, p, probe, stream);
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
            return new ProductChoices.Chosen(suggestions.get(best).algorithm, times[best][MEASURED_RUNS / 2] * 1e3);
        } finally {
            driver.closeEvent(from);
            driver.closeEvent(to);
            driver.free(flush);
            driver.closeStream(stream);
        }
    }

    private static void set(Lt open, String function, long of, int attribute, long value, int bytes) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment at = scratch.allocate(JAVA_LONG);
            at.set(JAVA_LONG, 0, value);
            open.run(function, of, attribute, at.address(), bytes);
        }
    }

    /** {@code cudaDataType}. */
    private static int type(Element element) {
        return switch (element) {
            case F32 -> 0;
            case F16 -> 2;
            case BF16 -> 14;
        };
    }

    void close() {
        Lt open = lt;
        if (open != null) {
            lt = null;
            open.calls.status("cublasLtDestroy", open.handle);
        }
        arena.close();
    }
}
