package espalier.tensor.host;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PhiloxTest {

    /** The known answers that Random123 publishes for philox4x32-10. */
    @Test
    void givesThePublishedKnownAnswers() {
        assertThat(Philox.block(0, 0, 0, 0, 0)).containsExactly(0xe169c58d6627e8d5L, 0x9b00dbd8bc57ac4cL);
        assertThat(Philox.block(-1, -1, -1, -1, -1)).containsExactly(0x41c83b0e408f276dL, 0x6d5451fda20bc7c6L);
        assertThat(Philox.block(0x299f31d0a4093822L, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344))
                .containsExactly(0x94fdccebd16cfe09L, 0x24126ea15001e420L);
    }

    @Test
    void drawsAreSpreadEvenlyOverPositionsChoicesAndSeeds() {
        var bins = new int[64];
        int draws = 0;
        for (long seed = 40; seed < 48; seed++) {
            for (int choice = 0; choice < 4; choice++) {
                for (int position = 0; position < 1000; position++) {
                    bins[(int) (Philox.uniform(seed, choice, position) * bins.length)]++;
                    draws++;
                }
            }
        }
        double chiSquare = 0;
        double each = (double) draws / bins.length;
        for (int n : bins) {
            chiSquare += (n - each) * (n - each) / each;
        }
        // 63 degrees of freedom: outside this in one of ten thousand sets of seeds, and these are fixed
        assertThat(chiSquare).isBetween(27.0, 112.0);
    }
}
