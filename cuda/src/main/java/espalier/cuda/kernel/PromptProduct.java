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
 * Products of prompts on sm_90a ({@code product_prompt.cu}): thousands of rows, any number works. The bits of a row of {@code y}
 * depend on that row of {@code x} and on {@code w} alone.
 */
public final class PromptProduct {
    private static final int BLOCK = 64;
    private static final int TILE_ROWS = 128;
    /** Up to so many rows blocks work alone: with two in a cluster, which have 256 rows, too many would have none. */
    private static final int ROWS_OF_LONE_BLOCKS = 1024;

    private static final int THREADS = 384;
    /** Of the ring; more do not fit. */
    private static final int STAGES = 5;
    /** Rows of w that a block loads for its cluster: half of a tile's, as many as sums fit a thread's registers. */
    private static final int RUN = 96;
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

    /** Queues {@code y = x w^T} with the epilogue; {@link #serves} must hold. */
    public void multiply(View x, View w, View y, Epilogue epilogue) {
        int m = x.rows();
        boolean gated = epilogue == Epilogue.SILU_MUL;
        int out = gated ? w.rows() / 2 : w.rows();
        y.require("y", m, out);
        x.require("x", m, w.cols());
        if (m == 0) {
            return;
        }
        int cluster = m > ROWS_OF_LONE_BLOCKS ? 2 : 1;
        int depth = Math.ceilDiv(m, cluster * TILE_ROWS);
        int columns = Math.ceilDiv(out, gated ? RUN : 2 * RUN);
        int clusters = Math.min(depth * columns, driver.properties().multiprocessors() / cluster);
        Arguments args = Arguments.of()
                .tensorMap(map(x, TILE_ROWS))
                .tensorMap(map(w, RUN))
                .pointer(y.address())
                .int32(m)
                .int32(out)
                .int32(y.stride());
        args.int32(depth).int32(columns).int32(Math.ceilDiv(w.cols(), BLOCK)).int32(gated ? out : RUN);
        Launch launch = Launch.of(Dim.of(clusters * cluster), Dim.of(THREADS))
                .cluster(cluster)
                .shared(STAGES * ((TILE_ROWS + 2 * RUN) * BLOCK * 2 + 16))
                .order(Launch.Order.DEPENDENT);
        driver.launch(stream, kernel(new Compiled(gated, cluster, x.type())), launch, args);
    }

    private Kernel kernel(Compiled compiled) {
        Kernel kernel = kernels.get(compiled);
        if (kernel == null) {
            kernel = driver.kernel(compiled.program(), "product_prompt");
            kernels.put(compiled, kernel);
        }
        return kernel;
    }

    private record Compiled(boolean gated, int cluster, DType type) {
        Program program() {
            var defines = new HashMap<String, Object>();
            defines.put("STAGES", STAGES);
            defines.put("CLUSTER", cluster);
            defines.put("DEEP", DEEP / cluster);
            defines.put("RUN", RUN);
            defines.put("GATED", gated ? 1 : 0);
            if (type == DType.F16) {
                defines.put("FP16", 1);
            }
            return Sources.program("product_prompt.cu", defines);
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
