package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Dim;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.cuda.driver.TensorMap;
import espalier.tensor.DType;
import java.util.HashMap;
import java.util.Map;

/**
 * Products of prompts on sm_90a ({@code product_prompt.cu}): hundreds or thousands of rows, any number works. The bits of a row of {@code y}
 * depend on that row of {@code x} and on {@code w} alone.
 */
public final class PromptProduct {
    private static final int BLOCK = 64;
    private static final int TILE_ROWS = 128;
    /** Up to so many rows blocks may work alone, which leaves fewer of them idle; beyond, two in a cluster share what they read. */
    private static final int ROWS_OF_LONE_BLOCKS = 2048;

    private static final int THREADS = 384;
    private static final int MOST_SHARED_BYTES = 232_448;
    private static final int MOST_STAGES = 8;
    /** Rows of w in half a tile, as many as sums fit a thread's registers. */
    private static final int LONGEST_RUN = 96;

    private static final int SHORTEST_RUN = 48;
    private static final int RUN_STEP = 8;
    /** What a tile with a run shorter by one loses: it reads more of x for each number of w. */
    private static final double COST_OF_SHORTER = 0.0012;
    /** Tiles of x that are computed together: 8 and 32 took 2% longer (8,192 rows, H200, with tiles of 256 columns). */
    private static final int DEEP = 16;

    private final Driver driver;
    private final Stream stream;
    private final Map<Compiled, Kernel> kernels = new HashMap<>();

    public PromptProduct(Driver driver, Stream stream) {
        this.driver = driver;
        this.stream = stream;
    }

    /** Whether it can compute {@code y = x w^T} with that epilogue on that device. */
    public static boolean serves(DeviceProperties device, View x, View w, View y, Epilogue epilogue) {
        DType type = x.type();
        return (type == DType.BF16 || type == DType.F16)
                && w.type() == type
                && y.type() == type
                && epilogue != Epilogue.ADD
                && device.computeCapability() == 90
                && w.cols() % 8 == 0
                && (epilogue != Epilogue.SILU_MUL || w.rows() % 2 == 0)
                && View.areWide(x, w, y);
    }

    /** Rows of x times rows of w that a multiprocessor computes for a product of {@code m} rows, those for nothing among them. */
    static double work(DeviceProperties device, int m, View w, Epilogue epilogue) {
        boolean gated = epilogue == Epilogue.SILU_MUL;
        int out = gated ? w.rows() / 2 : w.rows();
        return Tile.of(m, out, gated, device.multiprocessors()).work(m, out, gated, device.multiprocessors());
    }

    /** Queues {@code y = x w^T} with the epilogue; {@link #serves} must hold. */
    public void multiply(View x, View w, View y, Epilogue epilogue) {
        boolean gated = epilogue == Epilogue.SILU_MUL;
        multiply(
                x,
                w,
                y,
                epilogue,
                Tile.of(x.rows(), y.cols(), gated, driver.properties().multiprocessors()));
    }

    /** The same in tiles of that size. */
    public void multiply(View x, View w, View y, Epilogue epilogue, Tile tile) {
        int m = x.rows();
        boolean gated = epilogue == Epilogue.SILU_MUL;
        int out = gated ? w.rows() / 2 : w.rows();
        y.require("y", m, out);
        x.require("x", m, w.cols());
        if (m == 0) {
            return;
        }
        int cluster = tile.cluster;
        int depth = tile.depth(m);
        int columns = tile.columns(out, gated);
        int clusters = Math.min(depth * columns, driver.properties().multiprocessors() / cluster);
        Arguments args = Arguments.of()
                .tensorMap(map(x, TILE_ROWS))
                .tensorMap(map(w, tile.run))
                .pointer(y.address())
                .int32(m)
                .int32(out)
                .int32(y.stride());
        args.int32(depth).int32(columns).int32(Math.ceilDiv(w.cols(), BLOCK)).int32(gated ? out : tile.run);
        Launch launch = Launch.of(Dim.of(clusters * cluster), Dim.of(THREADS))
                .cluster(cluster)
                .shared(tile.stages() * tile.stageBytes())
                .order(Launch.Order.DEPENDENT);
        driver.launch(stream, kernel(new Compiled(gated, tile, x.type())), launch, args);
    }

    private Kernel kernel(Compiled compiled) {
        Kernel kernel = kernels.get(compiled);
        if (kernel == null) {
            kernel = driver.kernel(compiled.program(), "product_prompt");
            kernels.put(compiled, kernel);
        }
        return kernel;
    }

    private record Compiled(boolean gated, Tile tile, DType type) {
        Program program() {
            var defines = new HashMap<String, Object>();
            defines.put("STAGES", tile.stages());
            defines.put("CLUSTER", tile.cluster);
            defines.put("DEEP", DEEP / tile.cluster);
            defines.put("RUN", tile.run);
            defines.put("GATED", gated ? 1 : 0);
            if (type == DType.F16) {
                defines.put("FP16", 1);
            }
            return Sources.program("product_prompt.cu", defines);
        }
    }

    /**
     * What a block computes at once, {@value #TILE_ROWS} rows of x by twice {@code run} rows of w, and how many blocks share the
     * latter. Tiles are as wide as lets all multiprocessors end together: 640 rows by 4,096 are 130 tiles of 160 columns.
     */
    public record Tile(int cluster, int run) {
        public Tile {
            if (cluster < 1 || cluster > 2 || run % RUN_STEP != 0 || run < RUN_STEP || run > LONGEST_RUN) {
                throw new IllegalArgumentException(
                        "tiles of " + run + " rows of w in each half, for " + cluster + " blocks");
            }
        }

        static Tile of(int m, int out, boolean gated, int multiprocessors) {
            Tile best = new Tile(m > ROWS_OF_LONE_BLOCKS ? 2 : 1, LONGEST_RUN);
            double least = best.work(m, out, gated, multiprocessors);
            for (int run = LONGEST_RUN - RUN_STEP; run >= SHORTEST_RUN; run -= RUN_STEP) {
                Tile next = new Tile(best.cluster, run);
                double work = next.work(m, out, gated, multiprocessors);
                if (work < least) {
                    least = work;
                    best = next;
                }
            }
            return best;
        }

        int depth(int m) {
            return Math.ceilDiv(m, cluster * TILE_ROWS);
        }

        int columns(int out, boolean gated) {
            return Math.ceilDiv(out, gated ? run : 2 * run);
        }

        double work(int m, int out, boolean gated, int multiprocessors) {
            int rounds = Math.ceilDiv(depth(m) * columns(out, gated), multiprocessors / cluster);
            return (double) rounds * TILE_ROWS * 2 * run * (1 + COST_OF_SHORTER * (LONGEST_RUN - run));
        }

        /** With two barriers. */
        int stageBytes() {
            return (TILE_ROWS + 2 * run) * BLOCK * 2 + 16;
        }

        int stages() {
            return Math.min(MOST_STAGES, MOST_SHARED_BYTES / stageBytes());
        }
    }

    /** Boxes of 64 columns and some rows; one row's distance to the next may be any, and maps do not take any. */
    private TensorMap map(View v, int rows) {
        long rowBytes = v.rows() == 1 ? Math.ceilDiv((long) v.cols() * v.type().bytes(), 16) * 16 : v.rowBytes();
        return driver.tensorMap(new TensorMap.Layout(
                v.type() == DType.F16 ? TensorMap.Element.F16 : TensorMap.Element.BF16,
                v.address(),
                new TensorMap.Sizes(v.cols(), v.rows()),
                new TensorMap.Strides(rowBytes),
                new TensorMap.Box(BLOCK, rows),
                TensorMap.Swizzle.BYTES_128,
                TensorMap.Promotion.BYTES_128));
    }
}
