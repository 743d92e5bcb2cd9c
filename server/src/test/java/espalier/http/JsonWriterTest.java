package espalier.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

class JsonWriterTest {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    @Test
    void anyStringReadsBackAsItself() {
        long seed = 20261125;
        var random = new Random(seed);
        var out = new JsonWriter();
        for (int round = 0; round < 5_000; round++) {
            String text = text(random);
            byte[] json = out.clear().string(text).toBytes();
            assertThat(MAPPER.readValue(json, String.class))
                    .as("seed %d, round %d", seed, round)
                    .isEqualTo(text);
        }
    }

    @Test
    void aSurrogateWithoutItsPartnerIsReplacedSinceUtf8HasNone() {
        assertThat(written("a\ud83d")).isEqualTo("\"a\ufffd\"");
        assertThat(written("\ude00b")).isEqualTo("\"\ufffdb\"");
        assertThat(written("\ude00\ud83d")).isEqualTo("\"\ufffd\ufffd\"");
        assertThat(written("\ud83d\ude00")).isEqualTo("\"\ud83d\ude00\"");
    }

    @Test
    void numbersAreShortAndAlwaysJson() {
        var out = new JsonWriter().number(-0.1f).raw(",").number(1e-7f).raw(",").number(Float.NEGATIVE_INFINITY);
        out.raw(",").number(Long.MIN_VALUE).raw(",").number(Float.NaN);
        assertThat(new String(out.toBytes(), StandardCharsets.US_ASCII))
                .isEqualTo("-0.1,1.0E-7,-9999.0,-9223372036854775808,-9999.0");
    }

    private static String written(String text) {
        return new String(new JsonWriter().string(text).toBytes(), StandardCharsets.UTF_8);
    }

    /** Control characters, quotes, and characters of one to four bytes alike often. */
    private static String text(Random random) {
        var text = new StringBuilder();
        int length = random.nextInt(random.nextInt(10) == 0 ? 3000 : 12);
        for (int i = 0; i < length; i++) {
            text.appendCodePoint(
                    switch (random.nextInt(6)) {
                        case 0 -> random.nextInt(0x20);
                        case 1 -> "\"\\/\u007f".charAt(random.nextInt(4));
                        case 2 -> 0x20 + random.nextInt(0x5f);
                        case 3 -> 0x80 + random.nextInt(0x780);
                        case 4 -> 0x800 + random.nextInt(0xd000);
                        default -> 0x10000 + random.nextInt(0x100000);
                    });
        }
        return text.toString();
    }
}
