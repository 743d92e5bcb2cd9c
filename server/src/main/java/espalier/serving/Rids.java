package espalier.serving;

import espalier.api.RequestRejected;
import espalier.http.JsonObject;
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

    /**
     * A name for each of {@code count} prompts: given one by one, or made from one name and the prompt's number, so that
     * aborting that name aborts them all.
     */
    public static List<String> each(JsonObject body, int count) {
        List<String> given = body.strings("rid");
        if (given.size() > 1 && given.size() != count) {
            throw RequestRejected.invalid(
                    "rid", "rid has " + given.size() + " names for " + count + " prompts; give one for each");
        }
        if (given.size() == count) {
            return given;
        }
        String stem = given.isEmpty() ? fresh() : given.getFirst();
        return count == 1
                ? List.of(stem)
                : IntStream.range(0, count).mapToObj(i -> stem + "_" + i).toList();
    }
}
