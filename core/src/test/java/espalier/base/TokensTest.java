package espalier.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
    void nothingOutsideASliceIsReached() {
        Tokens middle = Tokens.of(1, 2, 3, 4).slice(1, 3);
        assertThatThrownBy(() -> middle.get(2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> middle.slice(0, 3)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
