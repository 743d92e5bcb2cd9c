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
import org.jspecify.annotations.Nullable;

/**
 * Products of decode batches on sm_90a ({@code product_wgmma.cu}); any number of rows works, some hundreds are what it is made
 * for. The bits of a row of {@code y} depend on that row of {@code x} and on {@code w} alone, whatever the batch: see
 * {@link Variant#of}.
 */
public final class WgmmaProduct {
    private static final int BLOCK = 64;
    private static final int MOST_SHARED_BYTES = 232_448;
    private static final int MOST_STAGES = 16;
    /** Of a tile. */
    private static final int MOST_SEQUENCES = 256;

    /** From so many on two tiles may share them, and weights be read twice. */
    private static final int SEQUENCES_AT_ONCE = 192;

    private static final int MOST_PARTS = 4;

    /** Of a block, by as much work in blocks of fewer: 62 us where one of those takes 41 (512 rows by 6,144 columns, H200). */
    private static final double COST_OF_FOUR_WARPGROUPS = 1.2;

    private final Driver driver;
    private final Stream stream;
    private final Map<Compiled, Kernel> kernels = new HashMap<>();
    private final Map<WeightMap, TensorMap> weightMaps = new HashMap<>();

    public WgmmaProduct(Driver driver, Stream stream) {
        this.driver = driver;
        this.stream = stream;
    }

    /** Whether it can compute {@code y = x w^T} with that epilogue on that device. */
    public static boolean serves(DeviceProperties device, View x, View w, View y, Epilogue epilogue) {
        DType type = x.type();
        boolean types = (type == DType.BF16 || type == DType.F16)
                && w.type() == type
                && (y.type() == type || (y.type() == DType.F32 && epilogue == Epilogue.STORE));
        int pairBytes = 2 * y.type().bytes(); // two neighbours are stored at once
        return types
                && device.computeCapability() == 90
                && w.rows() % (epilogue == Epilogue.SILU_MUL ? 32 : 16) == 0
                && w.cols() % 8 == 0
                && w.stride() == w.cols()
                && View.areWide(x, w)
                && y.address() % pairBytes == 0
                && y.stride() % 2 == 0;
    }

    /** Whether it adds up a row's products from the first to the last, not in two halves. */
    static boolean addsInOrder(DeviceProperties device, View w) {
        return Variant.of(1, w.rows(), w.cols(), device.multiprocessors()).split == 1;
    }

    /** Rows of W times sequences that a multiprocessor computes for a product of {@code m} rows, those for nothing among them. */
    static double work(DeviceProperties device, int m, View w) {
        int multiprocessors = device.multiprocessors();
        return Variant.of(m, w.rows(), w.cols(), multiprocessors).work(m, w.rows(), multiprocessors);
    }

    /** Queues {@code y = x w^T} with the epilogue; {@link #serves} must hold. */
    public void multiply(View x, View w, View y, Epilogue epilogue) {
        multiply(
                x,
                w,
                y,
                epilogue,
                Variant.of(x.rows(), w.rows(), w.cols(), driver.properties().multiprocessors()));
    }

    void multiply(View x, View w, View y, Epilogue epilogue, Variant v) {
        int m = x.rows();
        y.require("y", m, epilogue == Epilogue.SILU_MUL ? w.rows() / 2 : w.rows());
        x.require("x", m, w.cols());
        if (m == 0) {
            return;
        }
        int tiles = Math.ceilDiv(w.rows(), v.rows) * Math.ceilDiv(m, v.sequences);
        int blocks = v.split > 1
                ? tiles * v.split
                : Math.min(tiles, driver.properties().multiprocessors());
        Arguments args =
                Arguments.of().tensorMap(weightMap(w, v.rows, epilogue)).tensorMap(activationMap(x, v));
        args.pointer(y.address()).pointer(y.address()).int32(m).int32(y.cols()).int32(y.stride());
        args.int32(tiles).int32(Math.ceilDiv(w.cols(), BLOCK * v.blocks)).int32(v.cut(w.cols()));
        Launch launch = Launch.of(Dim.of(blocks), Dim.of(v.threads()))
                .cluster(v.split)
                .shared(v.sharedBytes())
                .order(Launch.Order.DEPENDENT);
        driver.launch(stream, kernel(new Compiled(v, epilogue, x.type(), y.type())), launch, args);
    }

    private Kernel kernel(Compiled compiled) {
        Kernel kernel = kernels.get(compiled);
        if (kernel == null) {
            kernel = driver.kernel(compiled.program(), "product_wgmma");
            kernels.put(compiled, kernel);
        }
        return kernel;
    }

    /** The program that a product of such a shape runs, to be compiled before it is needed. */
    public static Program program(DeviceProperties device, Shape shape) {
        Variant v = Variant.of(shape.m, shape.n, shape.k, device.multiprocessors());
        return new Compiled(v, shape.epilogue, shape.operands, shape.result).program();
    }

    /** A product's shape: {@code y[m, n] = x[m, k] w[n, k]^T}, {@code n} before the epilogue. */
    public record Shape(int m, int n, int k, Epilogue epilogue, DType operands, DType result) {}

    private record Compiled(Variant variant, Epilogue epilogue, DType operands, DType result) {
        Program program() {
            var defines = new HashMap<String, Object>();
            defines.put("MT", variant.sequences);
            defines.put("ROWS", variant.rows);
            defines.put("SPLIT", variant.split);
            defines.put("KB", variant.blocks);
            defines.put("STAGES", variant.stages);
            if (variant.side == Side.SEQUENCES) {
                defines.put("ACROSS", 1);
            }
            defines.put(
                    "EPILOGUE",
                    switch (epilogue) {
                        case STORE -> result == DType.F32 ? 3 : 0;
                        case ADD -> 1;
                        case SILU_MUL -> 2;
                    });
            if (operands == DType.F16) {
                defines.put("FP16", 1);
            }
            return Sources.program("product_wgmma.cu", defines);
        }
    }

    private record WeightMap(View w, int rows, boolean pairs) {}

    /**
     * W in groups of 16 rows: first the even ones, then the odd ones; or 8 of gate, then 8 of up. Fragment rows {@code i}
     * and {@code i + 8}, which one thread holds, are thus neighbours in the result, or a gate and its up.
     */
    private TensorMap weightMap(View w, int tileRows, Epilogue epilogue) {
        boolean pairs = epilogue == Epilogue.SILU_MUL;
        return weightMaps.computeIfAbsent(new WeightMap(w, tileRows, pairs), _ -> {
            long row = w.rowBytes();
            var strides = pairs
                    ? new TensorMap.Strides(row, w.rows() / 2 * row, 8 * row)
                    : new TensorMap.Strides(2 * row, row, 16 * row);
            return driver.tensorMap(new TensorMap.Layout(
                    element(w.type()),
                    w.address(),
                    new TensorMap.Sizes(w.cols(), 8, 2, w.rows() / 16),
                    strides,
                    new TensorMap.Box(BLOCK, 8, 2, tileRows / 16),
                    TensorMap.Swizzle.BYTES_128,
                    TensorMap.Promotion.BYTES_128));
        });
    }

    private TensorMap activationMap(View x, Variant v) {
        boolean single = x.rows() == 1; // its distance to the next row may be any, and maps do not take any
        long rowBytes = single ? Math.ceilDiv((long) x.cols() * x.type().bytes(), 16) * 16 : x.rowBytes();
        return driver.tensorMap(new TensorMap.Layout(
                element(x.type()),
                x.address(),
                new TensorMap.Sizes(x.cols(), x.rows()),
                new TensorMap.Strides(rowBytes),
                new TensorMap.Box(BLOCK, v.sequences),
                TensorMap.Swizzle.BYTES_128,
                TensorMap.Promotion.BYTES_128));
    }

    private static TensorMap.Element element(DType type) {
        return type == DType.F16 ? TensorMap.Element.F16 : TensorMap.Element.BF16;
    }

    /** What wgmma takes 64 at a time; the other side it takes by eights. */
    enum Side {
        WEIGHTS,
        SEQUENCES
    }

    /**
     * The constants of one compiled kernel.
     *
     * @param side sequences only without a split
     * @param sequences of a tile
     * @param rows of w in a tile
     * @param split blocks that share a tile, each a stretch of K
     * @param blocks of 64 columns of K in a stage
     */
    record Variant(Side side, int sequences, int rows, int split, int blocks, int stages) {

        /**
         * Tiles such that nearly every multiprocessor has equally many of equal size, or K in halves where there are too
         * few rows for that. {@code split}, which alone decides the order of a sum, follows from {@code n} and {@code k};
         * the rest as it suits the batch. What is taken was the fastest on an H200 for Llama-3.1-8B's products.
         */
        static Variant of(int m, int n, int k, int multiprocessors) {
            int split = n >= 128 * multiprocessors || k <= 128 ? 1 : 2;
            if (n >= 512 * multiprocessors) { // many rounds
                return filled(Side.WEIGHTS, shared(m, MOST_SEQUENCES), 128, split);
            }
            if (split == 1) {
                return ofRounds(m, n, multiprocessors);
            }
            Variant one = ofOneRound(m, n, multiprocessors);
            return one != null ? one : ofPairs(m, n, multiprocessors);
        }

        /** Two rounds of tiles of up to 128 rows: while one is stored, the next is loaded. More where one tile cannot have all sequences. */
        private static Variant ofRounds(int m, int n, int multiprocessors) {
            int sequences = shared(m, MOST_SEQUENCES);
            int rows = 64;
            while (rows < 128 && tiles(n, rows) > 2 * multiprocessors) {
                rows += 16;
            }
            int whole = Math.ceilDiv(m, 64) * 64;
            boolean across =
                    m > 128 && m <= MOST_SEQUENCES && whole - m < 32; // what it computes for nothing is not much
            return across
                    ? filled(Side.SEQUENCES, whole, rows, 1)
                    : filled(Side.WEIGHTS, sequences, m > MOST_SEQUENCES ? 128 : rows, 1);
        }

        /**
         * One round of pairs of blocks, with the least to compute for each, in one tile of sequences as long as reading weights
         * takes most of the time. Null where no tile has registers for its share.
         */
        private static @Nullable Variant ofOneRound(int m, int n, int multiprocessors) {
            Variant best = null;
            int least = Integer.MAX_VALUE;
            int most = m <= SEQUENCES_AT_ONCE ? 1 : MOST_PARTS;
            for (int parts = 1; parts <= most; parts++) {
                int sequences = sequences(Math.ceilDiv(m, parts));
                int rows = 64;
                while (rows < 256 && 2 * parts * tiles(n, rows) > multiprocessors) {
                    rows += 16;
                }
                int warpgroups = Math.ceilDiv(rows, 64);
                boolean fits = 2 * parts * tiles(n, rows) <= multiprocessors && sequences <= mostSequences(warpgroups);
                if (fits && sequences * warpgroups < least) {
                    least = sequences * warpgroups;
                    best = filled(Side.WEIGHTS, sequences, rows, 2);
                }
            }
            return best;
        }

        /** Several rounds of pairs. */
        private static Variant ofPairs(int m, int n, int multiprocessors) {
            int sequences = shared(m, 128);
            int rows = 64;
            while (rows < 256 && 2 * tiles(n, rows) * Math.ceilDiv(m, sequences) > multiprocessors) {
                rows += 16;
            }
            return filled(Side.WEIGHTS, sequences, rows, 2);
        }

        /** What a thread's registers hold the sums of, in a block of so many warpgroups. */
        private static int mostSequences(int warpgroups) {
            return warpgroups <= 2 ? MOST_SEQUENCES : warpgroups == 3 ? 192 : 128;
        }

        private static int tiles(int n, int rows) {
            return Math.ceilDiv(n, rows);
        }

        /** The narrowest tile of at most {@code most} of which as few as possible hold {@code m}. */
        private static int shared(int m, int most) {
            return sequences(Math.ceilDiv(m, Math.ceilDiv(m, most)));
        }

        /** The narrowest tile that holds them: rows that are not there take longer to load than others. */
        private static int sequences(int m) {
            return m <= 8 ? 8 : Math.ceilDiv(m, 16) * 16;
        }

        double work(int m, int n, int multiprocessors) {
            int blocks = tiles(n, rows) * Math.ceilDiv(m, sequences) * split;
            double area = side == Side.WEIGHTS ? 64 * warpgroups() * sequences : rows * sequences;
            return Math.ceilDiv(blocks, multiprocessors)
                    * area
                    / split
                    * (warpgroups() > 3 ? COST_OF_FOUR_WARPGROUPS : 1);
        }

        /** With as many stages as there is room for. */
        private static Variant filled(Side side, int sequences, int rows, int split) {
            boolean two = (rows == 64 && sequences <= 128) || (rows < 256 && sequences <= 64);
            var one = new Variant(side, sequences, rows, split, two ? 2 : 1, 1);
            int fixed = one.fixedBytes();
            int stages = Math.min(MOST_STAGES, (MOST_SHARED_BYTES - fixed) / (one.sharedBytes() - fixed));
            return new Variant(side, sequences, rows, split, one.blocks, stages);
        }

        private int warpgroups() {
            return side == Side.WEIGHTS ? Math.ceilDiv(rows, 64) : sequences / 64;
        }

        int threads() {
            return 128 * warpgroups() + 32;
        }

        int sharedBytes() {
            return stages * (blocks * (rows + sequences) * 128 + 16) + fixedBytes();
        }

        private int fixedBytes() {
            return (split > 1 ? Math.ceilDiv(sequences, 16) * warpgroups() * 2048 : 0) + 8;
        }

        /** The step at which the second block of a pair begins. */
        int cut(int k) {
            return Math.ceilDiv(k, 2 * BLOCK) / 2 * 2 / blocks;
        }
    }
}
