package espalier.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProductRowsTest {
    @Test
    void octavesAreHalvedOrQuarteredWhereStepsLie() {
        assertThat(ProductRows.upTo(8192))
                .containsExactly(
                        8, 16, 32, 64, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1536, 2048,
                        3072, 4096, 6144, 8192);
        assertThat(ProductRows.upTo(200)).containsExactly(8, 16, 32, 64, 128, 160, 192);
    }

    @Test
    void everyNumberTakesTheNextOneUp() {
        int[] all = ProductRows.upTo(8192).toArray();
        int next = 0;
        for (int rows = 1; rows <= 8192; rows++) {
            next += rows > all[next] ? 1 : 0;
            assertThat(ProductRows.above(rows)).as("%d", rows).isEqualTo(all[next]);
        }
    }
}
