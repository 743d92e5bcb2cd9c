package espalier.cuda.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GpuFloorsTest {
    /** The four projections of 4,096 rows on an H200, us: under load, and one at a time on a cool card. */
    private static final double[] LOADED = {206, 303, 1417, 682};

    private static final double[] COOL = {160, 239, 1112, 541};

    @Test
    void barsStandAsTheyWereSetOnAnotherCardOfTheKindUnderLoad() {
        GpuFloors card = card(4225, LOADED);
        assertThat(card.isWhole()).isTrue();
        assertThat(card.ratio(f -> f.prompt(32_768))).isEqualTo(1);
        assertThat(card.ratio(f -> f.decode(64, 1100))).isEqualTo(1);
        assertThat(card.ratio(GpuFloors::copy)).isEqualTo(1);
    }

    @Test
    void productsOfACoolCardWouldAskForMoreThanTheBarsMean() {
        assertThat(card(4225, COOL).ratio(f -> f.prompt(32_768))).isLessThan(0.9);
    }

    @Test
    void aStepScalesWithWhatBoundsIt() {
        GpuFloors slower = card(4283 * 0.7, LOADED);
        assertThat(slower.ratio(f -> f.decode(256, 590))).isCloseTo(1 / 0.7, within(1e-9));
        assertThat(slower.ratio(f -> f.prompt(4096))).isEqualTo(1);
    }

    @Test
    void aCardOfWhichAProductIsMissingScalesNothing() {
        assertThat(new GpuFloors(4283, Map.of()).isWhole()).isFalse();
    }

    private static GpuFloors card(double copies, double[] micros) {
        var all = new HashMap<String, Double>();
        for (int i = 0; i < micros.length; i++) {
            all.put(GpuCard.product(GpuCard.SHAPES[i], GpuFloors.PROMPT_ROWS), micros[i]);
        }
        return new GpuFloors(copies, all);
    }
}
