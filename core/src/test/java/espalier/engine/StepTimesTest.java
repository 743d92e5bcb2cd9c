package espalier.engine;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.sched.Speed;
import espalier.sched.StepFacts;
import java.util.SplittableRandom;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class StepTimesTest {
    private static final StepFacts DECODE = facts(0, 64);
    private static final long STEP = 6_000_000;

    private final StepTimes times = new StepTimes();

    private static StepFacts facts(int promptTokens, int decodes) {
        return new StepFacts(0, 0, promptTokens, 0, decodes, decodes, 0, 0, 1, 0, new StepFacts.Retraction(0, 0, 0, 0));
    }

    @Test
    void bothPartsAreLearnedFromStepsOfEitherKind() {
        times.ended(DECODE, STEP);
        times.ended(facts(500, 64), STEP + 500 * 20_000);
        assertThat(times.speed()).isEqualTo(new Speed(STEP, 20_000));
    }

    @Test
    void bothPartsAreLearnedWhileNoStepHasOneAlone() {
        times.ended(DECODE, 3 * STEP);
        times.ended(facts(100, 64), 20 * STEP);
        var random = new SplittableRandom(1);
        for (int i = 0; i < 400; i++) {
            int prompt = 100 + random.nextInt(900);
            times.ended(facts(prompt, 64), STEP + prompt * 20_000L);
        }
        assertThat(times.speed().decodeNanos()).isCloseTo(STEP, Percentage.withPercentage(25));
        assertThat(times.speed().tokenNanos()).isCloseTo(20_000, Percentage.withPercentage(25));
    }

    @Test
    void aPauseOfTheMachineMovesLittle() {
        times.ended(DECODE, STEP);
        times.ended(DECODE, 100 * STEP);
        assertThat(times.speed().decodeNanos()).isLessThanOrEqualTo(1.25 * STEP);
    }

    @Test
    void fasterStepsAreBelievedSoon() {
        times.ended(DECODE, 2 * STEP);
        for (int i = 0; i < 4; i++) {
            times.ended(DECODE, STEP);
        }
        assertThat(times.speed().decodeNanos()).isBetween((double) STEP, 1.1 * STEP);
    }

    @Test
    void theFirstStepOfADeviceIsForgottenAtOnce() {
        times.ended(facts(256, 0), 300 * STEP);
        times.ended(DECODE, 50 * STEP);
        times.ended(facts(1000, 0), 4 * STEP);
        times.ended(DECODE, STEP);
        assertThat(times.speed().decodeNanos()).isCloseTo(STEP, Percentage.withPercentage(1));
        assertThat(times.speed().tokenNanos()).isCloseTo(4.0 * STEP / 1000, Percentage.withPercentage(1));
    }

    @Test
    void thePlanIsOnItsWayWellBeforeTheStepInFlightShouldEnd() {
        assertThat(times.spareNanos(DECODE, 0)).as("nothing is known").isZero();
        times.ended(DECODE, STEP);
        assertThat(times.spareNanos(DECODE, 0)).isEqualTo(STEP - 2_500_000);
        assertThat(times.spareNanos(DECODE, 1_000_000)).isEqualTo(STEP - 3_500_000);
        assertThat(times.spareNanos(DECODE, STEP)).isZero();
        times.ended(facts(1000, 64), 5 * STEP);
        assertThat(times.spareNanos(facts(1000, 64), 0))
                .as("a prompt makes it no shorter")
                .isEqualTo(STEP - 2_500_000);
        assertThat(times.spareNanos(facts(1000, 0), 0))
                .as("nobody can tell when a prompt is read")
                .isZero();
    }

    @Test
    void theShortestStepOfLateBoundsTheWait() {
        for (int i = 0; i < 3; i++) {
            times.ended(DECODE, 100 * STEP);
        }
        assertThat(times.spareNanos(DECODE, 0))
                .as("all but a third of a long step")
                .isEqualTo(100 * STEP * 2 / 3);
        times.ended(DECODE, 2 * STEP);
        times.ended(DECODE, 100 * STEP);
        assertThat(times.spareNanos(DECODE, 0)).isLessThan(2 * STEP);
        for (int i = 0; i < 250; i++) {
            times.ended(DECODE, 100 * STEP);
        }
        assertThat(times.spareNanos(DECODE, 0)).isEqualTo(100 * STEP * 2 / 3);
    }
}
