package espalier.cuda.kernel;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Stream;

/** Attention that begins its sums anew after every block of keys, so that small tests see what long contexts see. */
public final class ShortSections {
    private ShortSections() {}

    public static PagedAttention open(
            Driver driver, Stream stream, AttentionShape shape, AttentionLimits limits, int pageSize) {
        return new PagedAttention(driver, stream, shape, limits, new HopperPrefill.Keys(pageSize, 1));
    }
}
