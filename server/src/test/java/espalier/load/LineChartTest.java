package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class LineChartTest {
    private static final Pattern DOT = Pattern.compile("<circle cx='[^']*' cy='([^']*)' r='3.5'[^>]*><title>([^<]*)<");

    @Test
    void higherValuesLieHigherAndMissingOnesAreLeftOut() {
        var dots =
                DOT.matcher(chart(List.of(10.0, Double.NaN, 200.0))).results().toList();
        assertThat(dots).extracting(dot -> dot.group(2)).containsExactly("a&lt;b, 1: 10.0", "a&lt;b, 32: 200.0");
        assertThat(Double.parseDouble(dots.get(0).group(1)))
                .as("SVG counts from the top")
                .isGreaterThan(Double.parseDouble(dots.get(1).group(1)));
    }

    @Test
    void aChartOfNothingButZeroIsAChart() {
        assertThat(chart(List.of(0.0, 0.0, 0.0))).doesNotContain("NaN", "Infinity");
    }

    private static String chart(List<Double> values) {
        var line = new LineChart.Line("a<b", values);
        return new LineChart("t & u", "x", "y", List.of("1", "8", "32"), List.of(line)).svg();
    }
}
