package espalier.chat;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30) // what nobody is told of must fail, not hang
class ChoicesTest {
    private static final Tokenizer TOKENIZER =
            Tokenizer.load(Path.of(System.getProperty("espalier.root"), "models", "demo"));
    private static final TextRequest REQUEST =
            TextRequest.of("r", new Prompt.Ids(Tokens.of(5)), SamplingParams.greedy());

    @Test
    void whateverEndsTheReadingOfOneOfSeveralChoicesIsHeardAndCancelsIt() throws InterruptedException {
        for (Throwable thrown : List.of(
                new IllegalStateException("broken"), new StackOverflowError("broken"), new InterruptedException())) {
            var good = new Scripted(null);
            var bad = new Scripted(thrown);
            try (var choices = new Choices(1, List.of(choice(0, good), choice(1, bad)))) {
                int ends = 0;
                while (ends < 2) {
                    switch (choices.next()) {
                        case TextEvent.Failed f -> {
                            ends++;
                            assertThat(f.choice()).isEqualTo(1);
                            assertThat(f.cause())
                                    .isInstanceOf(EngineFault.class)
                                    .hasRootCause(thrown);
                        }
                        case TextEvent.Finished f -> {
                            ends++;
                            assertThat(f.choice()).isZero();
                        }
                        case TextEvent.Delta _ -> {}
                    }
                }
                bad.closed.await();
            }
        }
    }

    @Test
    void aFaultOfTheTextPathKeepsItsKind() throws InterruptedException {
        var fault = new EngineFault(EngineFault.Code.DEVICE, "gone");
        try (var choices = new Choices(1, List.of(choice(0, new Scripted(fault)), choice(1, new Scripted(fault))))) {
            assertThat(choices.next())
                    .isInstanceOfSatisfying(
                            TextEvent.Failed.class, f -> assertThat(f.cause()).isSameAs(fault));
        }
    }

    private static Choices.Choice choice(int number, Generation generation) {
        return new Choices.Choice(generation, new ChoiceText(number, TOKENIZER, REQUEST, Set.of()));
    }

    /** Ends at once, or throws what a reader must survive. */
    private static final class Scripted implements Generation {
        private final Throwable thrown;
        final CountDownLatch closed = new CountDownLatch(1);

        Scripted(Throwable thrown) {
            this.thrown = thrown;
        }

        @Override
        public Emission next() throws InterruptedException {
            switch (thrown) {
                case null -> {
                    return new Emission.Done(1, Emission.FinishReason.LENGTH, null, 1, 0, 0);
                }
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                case InterruptedException e -> throw e;
                default -> throw new AssertionError(thrown);
            }
        }

        @Override
        public void finish() {}

        @Override
        public void close() {
            closed.countDown();
        }
    }
}
