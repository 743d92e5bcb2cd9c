package espalier.sched;

import static espalier.sched.Steps.TOKEN;
import static espalier.sched.Steps.upTo;
import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.GenerateRequest;
import espalier.base.Tokens;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How many prompt tokens stand in a step, by who waits, who decodes, and how fast the device is. */
class SharingTest {
    private static final int MOST = 800;
    private static final int ENOUGH = 200;
    private static final int LEAST = 20;

    /** Beside decoding rows that take 1,000 and at a pace of 3, 100 prompt tokens are as many as may be. */
    private static final Speed SPEED = new Speed(1000, 20);

    private final Scheduler scheduler = new Scheduler(
            new Limits(100_000, 1, 200, 20_000, MOST, 16_384, Integer.MAX_VALUE),
            Strategy.standard().withSharing(new Sharing(ENOUGH, LEAST, 3)),
            Simulation.END);
    private long ids;

    private void submit(int count, int promptTokens, int newTokens) {
        for (int i = 0; i < count; i++) {
            int[] prompt = new int[promptTokens];
            Arrays.fill(prompt, (int) ids); // nobody shares a prefix
            scheduler.submit(ids, new GenerateRequest("r" + ids, Tokens.of(prompt), upTo(newTokens)), 0, null);
            ids++;
        }
    }

    /** The prompt tokens of the next step. */
    private int step(Speed speed) {
        StepPlan plan = scheduler.plan(speed);
        int prompt = scheduler.facts().promptTokens();
        int rows = scheduler.sampling().rows().size();
        int[] tokens = new int[rows];
        Arrays.fill(tokens, TOKEN);
        scheduler.complete(new StepResult(plan.number(), tokens, new ArrayList<>(Collections.nCopies(rows, null))));
        return prompt;
    }

    private void decoding(int count) {
        submit(count, 1, 10_000);
        while (scheduler.load(0).waitingRequests() > 0 || step(SPEED) > 0) {
            step(SPEED);
        }
    }

    @Test
    void whereNobodyDecodesAStepFillsTheDeviceAndReadsAQuarterOfALongQueue() {
        submit(1, 500, 1);
        assertThat(List.of(step(SPEED), step(SPEED), step(SPEED))).containsExactly(200, 200, 100);
        submit(1, 1600, 1);
        assertThat(List.of(step(SPEED), step(SPEED))).containsExactly(400, 300);
        submit(1, 9000, 1);
        assertThat(step(SPEED)).isEqualTo(MOST);
    }

    @Test
    void aPromptAmongDecodingSequencesLeavesThemTheirPace() {
        decoding(10);
        submit(1, 5000, 1);
        assertThat(step(SPEED)).isEqualTo(100);
        assertThat(step(new Speed(1000, 10))).isEqualTo(200);
        assertThat(step(new Speed(1000, 1))).as("as much as a step may have").isEqualTo(MOST);
        assertThat(step(Speed.UNKNOWN)).as("nothing was measured yet").isEqualTo(MOST);
    }

    @Test
    void oneSequenceThatDecodesKeepsItsPaceBesideOnePrompt() {
        decoding(1);
        submit(1, 5000, 1);
        assertThat(step(SPEED)).isEqualTo(100);
    }

    @Test
    void aPromptGoesOnHoweverSlowItsTokensAre() {
        decoding(10);
        submit(1, 100, 1);
        for (int i = 0; i < 5; i++) {
            assertThat(step(new Speed(1, 1e12))).isEqualTo(LEAST);
        }
        assertThat(scheduler.load(0).runningRequests()).isEqualTo(10);
    }

    @Test
    void whereManyDecodeAPromptTakesAsManyRows() {
        decoding(60);
        submit(1, 500, 1);
        assertThat(step(new Speed(1, 1e12))).isEqualTo(60);
    }

    @Test
    void aQueueIsReadFirstUntilMoreDecodeThanWait() {
        decoding(7);
        submit(4, 150, 10_000);
        assertThat(step(SPEED)).as("4 wait, 7 decode").isEqualTo(ENOUGH);
        assertThat(step(SPEED)).as("3 wait, 8 decode").isEqualTo(100);
        assertThat(step(SPEED)).isEqualTo(100);
    }

    @Test
    void aLongQueueIsReadFirstAlsoWhereFewerWaitThanDecode() {
        decoding(90);
        submit(7, 600, 1);
        assertThat(step(SPEED)).isEqualTo(MOST);
        assertThat(step(SPEED)).as("a quarter of 3,400").isEqualTo(MOST);
        assertThat(step(SPEED)).as("5 wait, 90 decode").isEqualTo(100);
    }

    @Test
    void aStepHasSoManyRowsThatNothingOfTheDeviceIsIdle() {
        var sharing = new Sharing(ENOUGH, LEAST, 3, 850);
        assertThat(sharing.filling(200, 0)).isEqualTo(200);
        assertThat(sharing.filling(201, 0)).isEqualTo(400);
        assertThat(sharing.filling(201, 30)).as("with 30 that decode").isEqualTo(370);
        assertThat(sharing.filling(800, 0)).isEqualTo(850);
        assertThat(sharing.filling(800, 60)).isEqualTo(790);
        assertThat(sharing.filling(1700, 50)).isEqualTo(1650);
        assertThat(sharing.filling(200, 150)).as("50 would be few").isEqualTo(250);
        assertThat(sharing.filling(200, 2000)).as("more decode than fill it").isEqualTo(550);
        assertThat(new Sharing(ENOUGH, LEAST, 3).filling(201, 30)).isEqualTo(201);
    }

    @Test
    void aQueueIsReadInStepsThatFillTheDevice() {
        var filled = new Scheduler(
                new Limits(100_000, 1, 200, 20_000, MOST, 16_384, Integer.MAX_VALUE),
                Strategy.standard().withSharing(new Sharing(ENOUGH, LEAST, 3, 850)),
                Simulation.END);
        filled.submit(0, new GenerateRequest("first", Tokens.of(new int[1000]), upTo(10)), 0, null);
        filled.plan(SPEED);
        assertThat(filled.facts().promptTokens())
                .as("a quarter of 1,000 would leave some idle")
                .isEqualTo(400);
    }

    @Test
    void withoutAPaceStepsAreAsLongAsTheyMayBe() {
        var whole = new Scheduler(
                new Limits(10_000, 1, 200, 20_000, MOST, 16_384, Integer.MAX_VALUE),
                Strategy.standard(),
                Simulation.END);
        whole.submit(0, new GenerateRequest("r", Tokens.of(new int[1000]), upTo(1)), 0, null);
        whole.plan(SPEED);
        assertThat(whole.facts().promptTokens()).isEqualTo(MOST);
    }
}
