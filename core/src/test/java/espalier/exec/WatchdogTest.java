package espalier.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.base.Tokens;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelFolder;
import espalier.golden.GoldenModels;
import espalier.step.StepPlan;
import espalier.tensor.DType;
import espalier.tensor.reference.ReferenceDevice;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class WatchdogTest {
    private final Watchdog watchdog = new Watchdog(Duration.ofMinutes(1));

    @Test
    void aStepThatMovesIsWaitedForAndOneThatStandsStillIsNot() {
        var step = new Slow(3);
        assertThatThrownBy(() -> watchdog.await(step)).isInstanceOf(TimeoutException.class);
        assertThat(step.waits).isEqualTo(4);
    }

    @Test
    void everyLayerOfAStepIsAMove() {
        Checkpoint checkpoint =
                ModelFolder.open(GoldenModels.named("qwen2-f32").folder()).checkpoint();
        var moves = new AtomicInteger();
        try (LoadedModel model = ModelLoader.load(checkpoint, List.of(new ReferenceDevice()), LoadSettings.plain());
                var runner = new ModelRunner(
                        model.devices().getFirst(),
                        model.decoders().getFirst(),
                        new Capacity(1, 8, 8, 1, 8, DType.F32),
                        (_, _) -> {},
                        moves::incrementAndGet)) {
            var prompt = new StepPlan.Input.Prompt(Tokens.of(5, 6));
            runner.forward(new StepPlan(0, List.of(new StepPlan.Chunk(1, 0, true, 0, prompt, Tokens.of(0, 1), true))));
            assertThat(moves).hasValue(model.shape().layers());
        }
    }

    /** A step whose every wait is in vain; it moves during the first ones. */
    private final class Slow extends CompletableFuture<String> {
        private final int movingWaits;
        private int waits;

        private Slow(int movingWaits) {
            this.movingWaits = movingWaits;
        }

        @Override
        public String get(long timeout, TimeUnit unit) throws TimeoutException {
            assertThat(unit.toSeconds(timeout)).isEqualTo(60);
            if (waits++ < movingWaits) {
                watchdog.moved();
            }
            throw new TimeoutException();
        }
    }
}
