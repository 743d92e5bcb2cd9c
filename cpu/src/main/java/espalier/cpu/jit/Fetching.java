package espalier.cpu.jit;

import org.jspecify.annotations.Nullable;

/**
 * How kernels fetch weights ahead of reading them from memory: the processor's own prefetchers do not keep up once a
 * kernel computes for some time on each line. What is best was measured, and differs by maker.
 *
 * <p>Measured were one processor of Intel, Sapphire Rapids, and one of AMD, Zen 4; each stands for its maker's others, those with
 * AVX2 alone among them. That is a guess: nothing better is known of them, and a wrong one costs speed, never a result.
 */
public enum Fetching {
    /**
     * Into the first level, 2 KiB ahead, for any number of rows. On Sapphire Rapids that reads 5 to 20% faster with one
     * row and up to 50% with eight; the other way reads bf16 a quarter slower than no fetching at all.
     */
    NEAR(2048),
    /**
     * Into the second level, 8 KiB ahead, past the page at which the processor's own prefetcher stops, from {@link
     * Form#fetchingRows} on: below, it costs 20 to 33% on Zen 4; above, it gains up to 58%.
     */
    FAR(8192);

    private final int bytesAhead;

    Fetching(int bytesAhead) {
        this.bytesAhead = bytesAhead;
    }

    /** The least number of rows with which fetching gains. */
    int fromRows(Form form) {
        return switch (this) {
            case NEAR -> 1;
            case FAR -> form.fetchingRows();
        };
    }

    /** Fetches as many lines as a step reads; nothing where {@code how} is null. */
    static void emit(@Nullable Fetching how, Asm asm, int weights, int stepBytes) {
        for (int at = 0; how != null && at < stepBytes; at += 64) {
            Mem line = Mem.at(weights, how.bytesAhead + at);
            switch (how) {
                case NEAR -> asm.prefetchT0(line);
                case FAR -> asm.prefetchT1(line);
            }
        }
    }
}
