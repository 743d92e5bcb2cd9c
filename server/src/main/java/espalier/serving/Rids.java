package espalier.serving;

import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;

/** Names for requests that come without one. */
public final class Rids {
    private Rids() {}

    /** 32 hexadecimal digits, as SGLang's. */
    public static String fresh() {
        return UUID.randomUUID().toString().replace("-", "");
    }

    /** A name for each of {@code count} prompts that share {@code stem}; aborting the stem aborts them all. */
    public static List<String> numbered(String stem, int count) {
        return count == 1
                ? List.of(stem)
                : IntStream.range(0, count).mapToObj(i -> stem + "_" + i).toList();
    }
}
