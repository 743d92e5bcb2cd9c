package espalier.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TokensTest {

    @Test
    void aRunKeepsItsIdsWhateverBecomesOfTheArray() {
        int[] ids = {1, 2, 3};
        Tokens tokens = Tokens.of(ids);
        ids[0] = 9;
        tokens.toArray()[1] = 9;
        assertThat(tokens).isEqualTo(Tokens.of(1, 2, 3));
    }

    @Test
    void slicesAndJoinsAreEqualByValue() {
        Tokens all = Tokens.of(1, 2, 3, 4, 5);
        assertThat(all.slice(1, 4)).isEqualTo(Tokens.of(2, 3, 4)).hasSameHashCodeAs(Tokens.of(2, 3, 4));
        assertThat(all.slice(0, 2).concat(all.slice(2, 5))).isEqualTo(all);
        assertThat(all.slice(2, 2)).isSameAs(Tokens.empty());
        assertThat(all).isNotEqualTo(Tokens.of(1, 2, 3, 4));
    }

    @Test
    void runsThatShareMemoryAreThoseThatWereCopied() {
        var runs = new Tokens.Runs(8);
        int[] ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
        var all = new ArrayList<Tokens>();
        for (int i = 0; i < 30; i++) { // single ids, pairs, long ones, none
            all.add(runs.copyOf(ids, i % 7, i % 7 + i % 4));
        }
        Arrays.fill(ids, 0);
        for (int i = 0; i < 30; i++) {
            int from = i % 7;
            assertThat(all.get(i).toArray())
                    .containsExactly(IntStream.range(from, from + i % 4)
                            .map(id -> id + 1)
                            .toArray());
        }
        assertThat(runs.copyOf(ids, 3, 3)).isSameAs(Tokens.empty());
    }

    @Test
    void nothingOutsideASliceIsReached() {
        Tokens middle = Tokens.of(1, 2, 3, 4).slice(1, 3);
        assertThatThrownBy(() -> middle.get(2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> middle.slice(0, 3)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
