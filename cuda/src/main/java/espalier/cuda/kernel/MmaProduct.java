package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Dim;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.tensor.DType;
import java.util.HashMap;
import java.util.Map;

/**
 * Products of any shape on any architecture: by tensor cores where operands are alike and of 16 bits ({@code
 * product_mma.cu}), by plain multiply-add elsewhere ({@code product_any.cu}). The bits of a row do not depend on its batch.
 */
public final class MmaProduct {
    private static final int ROWS = 32;
    private static final int STAGE_ROW_BYTES = 256;
    private static final int SUM_BYTES_PER_SEQUENCE = 4 * 36 * 4;
    private static final int PLAIN_TILE = 64;
    private static final int THREADS = 256;

    private final Driver driver;
    private final Stream stream;
    private final Map<Variant, Kernel> kernels = new HashMap<>();

    public MmaProduct(Driver driver, Stream stream) {
        this.driver = driver;
        this.stream = stream;
    }

    /**
     * One compiled kernel.
     *
     * @param sequences of a tile; 0 is the kernel without tensor cores
     */
    private record Variant(int sequences, Epilogue epilogue, DType x, DType w, DType y) {
        static Variant of(int computeCapability, View x, View w, View y, Epilogue epilogue) {
            boolean cores = x.type() == w.type()
                    && (x.type() == DType.F16 || (x.type() == DType.BF16 && computeCapability >= 80))
                    && (y.type() == x.type() || (y.type() == DType.F32 && epilogue == Epilogue.STORE));
            int m = x.rows();
            int sequences = !cores ? 0 : m <= 8 ? 8 : m <= 16 ? 16 : m <= 32 ? 32 : 64;
            return new Variant(sequences, epilogue, x.type(), w.type(), y.type());
        }

        /** Turing has 64 KB of shared memory, the others at least 99. */
        int stages() {
            return sequences == 64 ? 2 : sequences == 32 ? 3 : 4;
        }

        Program program() {
            var defines = new HashMap<String, Object>();
            boolean floats = sequences > 0 && y == DType.F32;
            defines.put(
                    "EPILOGUE",
                    switch (epilogue) {
                        case STORE -> floats ? 3 : 0;
                        case ADD -> 1;
                        case SILU_MUL -> 2;
                    });
            if (sequences == 0) {
                defines.put("ACTIVATION", View.numberName(x));
                defines.put("WEIGHT", View.numberName(w));
                defines.put("RESULT", View.numberName(y));
                return Sources.program("product_any.cu", defines);
            }
            defines.put("MT", sequences);
            defines.put("STAGES", stages());
            if (x == DType.F16) {
                defines.put("FP16", 1);
            }
            return Sources.program("product_mma.cu", defines);
        }

        int sharedBytes() {
            return Math.max(stages() * (ROWS + sequences) * STAGE_ROW_BYTES, sequences * SUM_BYTES_PER_SEQUENCE);
        }
    }

    /** Queues {@code y = x w^T} with the epilogue. */
    public void multiply(View x, View w, View y, Epilogue epilogue) {
        int m = x.rows();
        int n = epilogue == Epilogue.SILU_MUL ? w.rows() / 2 : w.rows();
        x.require("x", m, w.cols());
        y.require("y", m, n);
        if (m == 0) {
            return;
        }
        Variant v = Variant.of(driver.properties().computeCapability(), x, w, y, epilogue);
        Arguments args = Arguments.of()
                .pointer(x.address())
                .int32(x.stride())
                .pointer(w.address())
                .int32(w.stride());
        args.pointer(y.address()).int32(y.stride()).int32(m).int32(n).int32(w.cols());
        int tile = v.sequences > 0 ? ROWS : PLAIN_TILE;
        int channels = epilogue == Epilogue.SILU_MUL ? tile / 2 : tile;
        Dim grid = Dim.of(Math.ceilDiv(n, channels), Math.ceilDiv(m, v.sequences > 0 ? v.sequences : PLAIN_TILE));
        Launch launch = Launch.of(grid, Dim.of(THREADS)).order(Launch.Order.DEPENDENT);
        if (v.sequences > 0) {
            args.int32(View.areWide(x, w) && w.cols() % 8 == 0 ? 1 : 0);
            launch = launch.shared(v.sharedBytes());
        }
        driver.launch(stream, kernel(v), launch, args);
    }

    private Kernel kernel(Variant v) {
        Kernel kernel = kernels.get(v);
        if (kernel == null) {
            kernel = driver.kernel(v.program(), v.sequences > 0 ? "product_mma" : "product_any");
            kernels.put(v, kernel);
        }
        return kernel;
    }
}
