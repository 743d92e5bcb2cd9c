package espalier.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** The 8-bit floats of OFP8, held to the specification's tables of values. */
class Float8Test {
    static final List<Float8> FORMATS = List.of(Float8.E4M3, Float8.E5M2);

    @Test
    void theNumbersOfTheSpecificationHaveItsCodes() {
        assertThat(Float8.E4M3.toFloat((byte) 0x7E)).isEqualTo(448);
        assertThat(Float8.E4M3.toFloat((byte) 0x08)).isEqualTo(0x1p-6f);
        assertThat(Float8.E4M3.toFloat((byte) 0x07)).isEqualTo(0x1.cp-7f);
        assertThat(Float8.E4M3.toFloat((byte) 0x81)).isEqualTo(-0x1p-9f);
        assertThat(Float8.E4M3.toFloat((byte) 0x7F)).isNaN();
        assertThat(Float8.E4M3.toFloat((byte) 0xFF)).isNaN();
        assertThat(Float8.E5M2.toFloat((byte) 0x7B)).isEqualTo(57_344);
        assertThat(Float8.E5M2.toFloat((byte) 0x04)).isEqualTo(0x1p-14f);
        assertThat(Float8.E5M2.toFloat((byte) 0x03)).isEqualTo(0x1.8p-15f);
        assertThat(Float8.E5M2.toFloat((byte) 0x81)).isEqualTo(-0x1p-16f);
        assertThat(Float8.E5M2.toFloat((byte) 0xFC)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(Float8.E5M2.toFloat((byte) 0x7D)).isNaN();
    }

    @Test
    void e5m2IsTheUpperHalfOfAnF16() {
        for (int code = 0; code < 256; code++) {
            float half = Float.float16ToFloat((short) (code << 8));
            assertThat(Float.floatToIntBits(Float8.E5M2.toFloat((byte) code)))
                    .as("code %s", code)
                    .isEqualTo(Float.floatToIntBits(half)); // alike for all NaNs
        }
    }

    @ParameterizedTest
    @FieldSource("FORMATS")
    void everyFiniteNumberKeepsItsCode(Float8 format) {
        for (int code = 0; code < 256; code++) {
            float value = format.toFloat((byte) code);
            if (Float.isFinite(value)) {
                assertThat(format.of(value)).as("%s", value).isEqualTo((byte) code);
            }
        }
    }

    @ParameterizedTest
    @FieldSource("FORMATS")
    void roundingTakesTheNearestAndOfTwoTheEvenCode(Float8 format) {
        var random = new Random(1);
        for (int code = 0; format.toFloat((byte) (code + 1)) <= format.greatest(); code++) {
            float low = format.toFloat((byte) code);
            float high = format.toFloat((byte) (code + 1));
            float middle = (low + high) / 2; // exact: both have few bits
            assertThat(format.of(middle)).as("%s", middle).isEqualTo((byte) (code + code % 2));
            assertThat(format.of(Math.nextDown(middle))).isEqualTo((byte) code);
            assertThat(format.of(-Math.nextUp(middle))).isEqualTo((byte) ((code + 1) | 0x80));
            float some = low + random.nextFloat() * (high - low);
            assertThat(Math.abs(format.toFloat(format.of(some)) - some)).isLessThanOrEqualTo((high - low) / 2);
        }
    }

    @ParameterizedTest
    @FieldSource("FORMATS")
    void whatIsTooLargeSaturatesAndNaNStays(Float8 format) {
        float most = format.greatest();
        assertThat(format.toFloat(format.of(Math.nextUp(most)))).isEqualTo(most);
        assertThat(format.toFloat(format.of(Float.MAX_VALUE))).isEqualTo(most);
        assertThat(format.toFloat(format.of(Float.NEGATIVE_INFINITY))).isEqualTo(-most);
        assertThat(format.toFloat(format.of(Float.NaN))).isNaN();
    }
}
