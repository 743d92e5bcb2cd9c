package espalier.cuda.kernel;

import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.ProductRows;
import espalier.tensor.DType;
import org.jspecify.annotations.Nullable;

/** What computes a product. */
enum ProductChoice {
    /** {@link WgmmaProduct}. */
    WGMMA,
    /** {@link PromptProduct}. */
    PROMPT,
    /** {@link MmaProduct}. */
    MMA,
    /** The vendor's library. */
    VENDOR;

    private static final int MOST_ROWS_OF_A_DECODE_BATCH = 256;
    private static final int MOST_ROWS_OF_A_LARGE_BATCH = 2048;
    private static final int LEAST_ROWS_OF_GATED_PROMPTS = 513;

    /** Of the card that a large batch must fill for our kernels to be taken unmeasured. */
    private static final double LEAST_FILLED = 0.7;

    /** What {@link #WGMMA} takes longer than {@link #PROMPT} for as much work, by Llama-3.1-8B's products on an H200. */
    private static final double COST_OF_WGMMA = 1.1;

    /** Whether it can compute that product at all. */
    boolean serves(DeviceProperties device, View x, View w, View y, Epilogue epilogue) {
        return switch (this) {
            case WGMMA -> WgmmaProduct.serves(device, x, w, y, epilogue);
            case PROMPT -> PromptProduct.serves(device, x, w, y, epilogue);
            case MMA -> true;
            case VENDOR -> {
                boolean alike = x.type() == w.type() && (y.type() == x.type() || y.type() == DType.F32);
                boolean wide = View.areWide(x, w, y) && w.cols() % 8 == 0 && w.rows() % 8 == 0;
                boolean typed = x.type() != DType.BF16 || device.computeCapability() >= 80;
                yield alike && wide && typed && epilogue != Epilogue.SILU_MUL;
            }
        };
    }

    /**
     * Which of our kernels is taken without being measured; null where it is to be measured.
     *
     * <p>Up to 256 rows {@link #WGMMA}: in chains of products it beat cuBLASLt by 15 to 18% up to 64
     * rows and by 12% at 128, and lost 5% at 256 (H200), where the gate's activation, which it computes with the product,
     * makes up for it. That it begins to load weights while
     * the kernel before still runs is most of it, and does not show where one product is measured alone.
     *
     * <p>Up to 2,048 rows whichever has less to do, where that is little more than there is: under load they are as fast as the
     * best of the library's suggestions for just that number of rows, but what is best at 896 rows takes a tenth more than it
     * should at 780. Above, gated products alone: there the library's result makes a trip through memory.
     */
    static @Nullable ProductChoice unquestioned(DeviceProperties device, View x, View w, View y, Epilogue epilogue) {
        int rows = x.rows();
        boolean wgmma = WGMMA.serves(device, x, w, y, epilogue);
        boolean prompt = PROMPT.serves(device, x, w, y, epilogue);
        if (wgmma && rows <= MOST_ROWS_OF_A_DECODE_BATCH) {
            return WGMMA;
        }
        if (wgmma
                && prompt
                && rows <= MOST_ROWS_OF_A_LARGE_BATCH
                && fills(device, ProductRows.above(rows), w, epilogue)) {
            return cheaper(device, rows, w, epilogue);
        }
        return prompt && rows >= LEAST_ROWS_OF_GATED_PROMPTS && epilogue == Epilogue.SILU_MUL ? PROMPT : null;
    }

    private static boolean fills(DeviceProperties device, int rows, View w, Epilogue epilogue) {
        double work = Math.min(WgmmaProduct.work(device, rows, w), PromptProduct.work(device, rows, w, epilogue));
        return (double) rows * w.rows() >= LEAST_FILLED * work * device.multiprocessors();
    }

    private static ProductChoice cheaper(DeviceProperties device, int rows, View w, Epilogue epilogue) {
        double wgmma = COST_OF_WGMMA * WgmmaProduct.work(device, rows, w);
        return wgmma < PromptProduct.work(device, rows, w, epilogue) ? WGMMA : PROMPT;
    }

    /** What is taken where nothing was measured. */
    static ProductChoice unmeasured(DeviceProperties device, View x, View w, View y, Epilogue epilogue) {
        if (x.rows() > 16 && VENDOR.serves(device, x, w, y, epilogue)) {
            return VENDOR;
        }
        return fixed(device, x, w, y, epilogue);
    }

    /** Kernels whose sums do not depend on the number of rows: one, or another that adds in the same order. */
    static ProductChoice fixed(DeviceProperties device, View x, View w, View y, Epilogue epilogue) {
        if (x.rows() > MOST_ROWS_OF_A_DECODE_BATCH
                && PROMPT.serves(device, x, w, y, epilogue)
                && WGMMA.serves(device, x, w, y, epilogue)
                && WgmmaProduct.addsInOrder(device, w)) {
            return cheaper(device, x.rows(), w, epilogue);
        }
        return WGMMA.serves(device, x, w, y, epilogue) ? WGMMA : MMA;
    }
}
