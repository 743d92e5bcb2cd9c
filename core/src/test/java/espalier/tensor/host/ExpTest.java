package espalier.tensor.host;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExpTest {

    @Test
    void isWithinTwoUnitsInTheLastPlace() {
        for (float x = Exp.LEAST; x <= 0; x += 0.000313f) {
            double exact = Math.exp(x);
            assertThat(Math.abs(Exp.of(x) - exact)).as("exp(%s)", x).isLessThanOrEqualTo(2 * Math.ulp((float) exact));
        }
    }

    @Test
    void isOneAtZeroAndZeroFarBelow() {
        assertThat(Exp.of(0)).isEqualTo(1);
        assertThat(Exp.of(-0f)).isEqualTo(1);
        assertThat(Exp.of(-88)).isZero();
        assertThat(Exp.of(Float.NEGATIVE_INFINITY)).isZero();
        assertThat(Exp.of(Float.NaN)).isZero();
    }
}
