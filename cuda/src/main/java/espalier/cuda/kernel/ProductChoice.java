package espalier.cuda.kernel;

import espalier.cuda.driver.DeviceProperties;
import espalier.tensor.DType;

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
    private static final int LEAST_ROWS_OF_PROMPTS = 1024;
    private static final int LEAST_ROWS_OF_GATED_PROMPTS = 513;

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
     * Whether {@link #WGMMA} is taken without being measured. In chains of products it beat cuBLASLt by 15 to 18% up to 64
     * rows and by 12% at 128, and lost 5% at 256 (H200), where the gate's activation, which it computes with the product,
     * makes up for it: 256 sequences decode in 12.4 ms by it, in 12.6 ms by cuBLASLt. That it begins to load weights while
     * the kernel before still runs is most of it, and does not show where one product is measured alone.
     */
    static boolean isDecode(DeviceProperties device, View x, View w, View y, Epilogue epilogue) {
        return x.rows() <= MOST_ROWS_OF_A_DECODE_BATCH && WGMMA.serves(device, x, w, y, epilogue);
    }

    /**
     * Whether {@link #PROMPT} is taken for a gated product without being measured: it computes the activation while tensor cores work
     * on, for which the library's result makes a trip through memory. On an H200 (Llama-3.1-8B's shape, with the library's activation
     * behind it) 2,803 us to 2,950 at 8,192 rows, 302 to 336 at 896, 253 to 288 at 768, 212 to 222 at 640; below, they are alike or the library is
     * faster.
     */
    static boolean isGatedPrompt(DeviceProperties device, View x, View w, View y, Epilogue epilogue) {
        return epilogue == Epilogue.SILU_MUL
                && x.rows() >= LEAST_ROWS_OF_GATED_PROMPTS
                && PROMPT.serves(device, x, w, y, epilogue);
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
        if (x.rows() >= LEAST_ROWS_OF_PROMPTS
                && PROMPT.serves(device, x, w, y, epilogue)
                && WGMMA.serves(device, x, w, y, epilogue)
                && WgmmaProduct.addsInOrder(device, w)) {
            return PROMPT;
        }
        return WGMMA.serves(device, x, w, y, epilogue) ? WGMMA : MMA;
    }
}
