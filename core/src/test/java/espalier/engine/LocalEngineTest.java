package espalier.engine;

import static espalier.engine.SmallEngine.END;
import static espalier.engine.SmallEngine.VOCAB;
import static espalier.engine.SmallEngine.engine;
import static espalier.engine.SmallEngine.expected;
import static espalier.engine.SmallEngine.fake;
import static espalier.engine.SmallEngine.listen;
import static espalier.engine.SmallEngine.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.Emission;
import espalier.api.Emission.FinishReason;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.engine.SmallEngine.Heard;
import espalier.exec.FakeExecutor;
import espalier.exec.FakeModel;
import espalier.sched.Pause;
import espalier.step.TokenRules;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60) // a lost wake-up must fail, not hang
class LocalEngineTest {
    @Test
    void answersAsTheModelDoesWithAndWithoutOverlap() throws InterruptedException {
        for (LoopOptions options : List.of(LoopOptions.of(1), LoopOptions.of(1).withoutOverlap())) {
            try (var engine = engine(fake(), options);
                    var generation = engine.submit(request(3, 20))) {
                assertThat(listen(generation).tokens()).isEqualTo(expected(request(3, 20)));
                assertThatThrownBy(generation::next).isInstanceOf(IllegalStateException.class);
            }
        }
    }

    @Test
    void manyThreadsAreServedAtOnce() throws Exception {
        try (var engine = engine(fake())) {
            var heard = SmallEngine.<Heard>together(100, i -> () -> {
                while (true) {
                    try (var generation = engine.submit(request(i, 1 + i % 20))) {
                        Heard all = listen(generation);
                        if (!(all.end() instanceof Emission.Failed)) {
                            return all;
                        } // the queue holds eight; who was refused asks again
                    }
                }
            });
            for (int i = 0; i < 100; i++) {
                assertThat(heard.get(i).get().tokens()).as("request " + i).isEqualTo(expected(request(i, 1 + i % 20)));
            }
            assertThat(engine.load().finishedRequests()).isEqualTo(100);
            assertThat(engine.load().completedSteps())
                    .as("what a health probe goes by")
                    .isGreaterThanOrEqualTo(20);
            assertThat(engine.load().waitingTokens()).isZero();
            assertThat(engine.flushCache()).isTrue();
        }
    }

    @Test
    void aFullQueueFailsTheNewcomerBeforeAnyToken() throws InterruptedException {
        var gated = new GatedExecutor(fake());
        try (var engine = engine(gated)) {
            var open = new ArrayList<Generation>();
            open.add(engine.submit(request(0, 50)));
            gated.launches.acquire(); // the engine waits in its first steps while the others come
            for (int i = 1; i < 20; i++) {
                open.add(engine.submit(request(i, 2)));
            }
            gated.openForGood();
            int refused = 0;
            for (Generation generation : open) {
                Heard heard = listen(generation);
                if (heard.end() instanceof Emission.Failed failed) {
                    assertThat(heard.tokens()).isEmpty();
                    assertThat(failed.cause())
                            .isInstanceOfSatisfying(
                                    RequestRejected.class,
                                    e -> assertThat(e.code()).isEqualTo(RequestRejected.Code.OVERLOADED))
                            .hasMessage("The request queue is full.");
                    refused++;
                }
            }
            assertThat(refused).isBetween(8, 11); // 19 came, 8 could wait, some found a seat
        }
    }

    @Test
    void closingAGenerationCancelsItAndFreesItsMemory() throws InterruptedException {
        var gated = new GatedExecutor(fake());
        try (var engine = engine(gated)) {
            var first = engine.submit(request(1, 100));
            gated.launches.acquire();
            first.close(); // in flight
            first.close();
            gated.openForGood();
            var end = (Emission.Done) listen(first).end();
            assertThat(end.reason()).isEqualTo(FinishReason.ABORT);
            var next = engine.submit(request(2, 3));
            assertThat(listen(next).tokens()).isEqualTo(expected(request(2, 3)));
            next.close(); // after its end: nothing happens
            assertThat(engine.flushCache()).isTrue();
            assertThat(engine.load().abortedRequests()).isEqualTo(1);
            assertThat(engine.load().usedTokens()).isZero();
        }
    }

    @Test
    void anOwnerThatHasAllItWantedFinishesItsGeneration() throws InterruptedException {
        var gated = new GatedExecutor(fake());
        try (var engine = engine(gated)) {
            var generation = engine.submit(request(1, 100));
            gated.launches.acquire();
            generation.finish();
            gated.openForGood();
            var end = (Emission.Done) listen(generation).end();
            assertThat(end.reason()).isEqualTo(FinishReason.STOP);
            assertThat(end.matchedStop()).isNull();
            generation.finish(); // after its end: nothing happens
            assertThat(engine.flushCache()).isTrue();
            assertThat(engine.load().finishedRequests()).isEqualTo(1);
            assertThat(engine.load().abortedRequests()).isZero();
        }
    }

    @Test
    void constrainedTokensWaitForTheMasksAndTheRestDoesNotCare() throws InterruptedException {
        for (int depth = 0; depth < 4; depth++) {
            try (var engine = engine(new FakeExecutor(64, 4, 4, VOCAB, depth))) {
                var free = engine.submit(request(1, 40));
                var ruled = engine.submit(request(2, 40), new Rising());
                var expected = FakeModel.answer(request(2, 40), 2, new Rising(), END, VOCAB, 40);
                assertThat(listen(ruled).tokens()).isEqualTo(expected.tokens());
                assertThat(listen(free).tokens()).isEqualTo(expected(request(1, 40)));
            }
        }
    }

    /** Allows the ten ids after the last one: a mask that misses a token is wrong. */
    private static final class Rising implements TokenRules {
        private int last;

        @Override
        public long[] mask() {
            long mask = 0;
            for (int i = 1; i <= 10; i++) {
                mask |= 1L << (last + i) % VOCAB;
            }
            return new long[] {mask};
        }

        @Override
        public void accept(int token) {
            last = token;
        }
    }

    @Test
    void whoWaitsForASeatGetsItAsSoonAsTheLastTokenOfAnotherIsIn() throws InterruptedException {
        try (var engine = engine(fake())) {
            engine.pause(Pause.IN_PLACE); // so that all come together
            var params = SamplingParams.builder().maxNewTokens(1).seed(9L).build();
            var requests = IntStream.range(0, 8)
                    .mapToObj(i -> new GenerateRequest("r" + i, Tokens.of(20 + i), params))
                    .toList();
            var open = requests.stream().map(engine::submit).toList();
            engine.resume(); // four seats: the first step takes them all, the second finds none and nobody to go on
            // with
            for (int i = 0; i < 8; i++) {
                assertThat(listen(open.get(i)).tokens()).isEqualTo(expected(requests.get(i)));
            }
        }
    }

    @Test
    void aPausedEngineStandsStillAndGoesOn() throws InterruptedException {
        try (var engine = engine(fake())) {
            assertThat(engine.pause(Pause.IN_PLACE)).isTrue();
            var generation = engine.submit(request(1, 10));
            assertThat(engine.flushCache()).as("flush while it waits").isFalse();
            assertThat(engine.load().generatedTokens()).isZero();
            assertThat(engine.resume()).isTrue();
            assertThat(listen(generation).tokens()).isEqualTo(expected(request(1, 10)));
        }
    }

    @Test
    void whatCanNeverRunIsThrownAtOnce() {
        try (var engine = engine(fake())) {
            assertThatThrownBy(() -> engine.submit(request(1, 500)))
                    .isInstanceOf(RequestRejected.class)
                    .hasMessageContaining("maximum context length of 128 tokens");
        }
    }

    @Test
    void aNameIsTakenWhileItsRequestIsOpen() throws InterruptedException {
        var gated = new GatedExecutor(fake());
        try (var engine = engine(gated)) {
            var first = engine.submit(request(1, 10));
            assertThatThrownBy(() -> engine.submit(request(1, 10)))
                    .isInstanceOf(RequestRejected.class)
                    .hasMessage("Duplicate request ID detected: request-1");
            gated.openForGood();
            listen(first);
            assertThat(listen(engine.submit(request(1, 10))).tokens()).hasSize(10);
        }
    }

    @Test
    void requestsWithoutASeedGetFreshOnesFromTheEnginesOwn() throws InterruptedException {
        var params = SamplingParams.builder().maxNewTokens(12).ignoreEos(true).build();
        var runs = new ArrayList<List<Integer>>();
        for (int run = 0; run < 2; run++) {
            try (var engine = engine(fake(), LoopOptions.of(5))) {
                for (int i = 0; i < 2; i++) {
                    runs.add(listen(engine.submit(new GenerateRequest("r", Tokens.of(1, 2, 3), params)))
                            .tokens());
                }
            }
        }
        assertThat(runs.get(0)).isNotEqualTo(runs.get(1)).isEqualTo(runs.get(2));
        assertThat(runs.get(1)).isEqualTo(runs.get(3));
    }

    @Test
    void stepsAreLoggedAsSglangLogsThem() throws InterruptedException {
        var lines = new ArrayList<String>();
        var options = LoopOptions.of(1).withListener(new StepLog(lines::add, "cpu graph", 0));
        try (var engine = engine(fake(), options)) {
            listen(engine.submit(request(1, 60)));
        }
        assertThat(lines.getFirst())
                .matches("Prefill batch, #new-seq: 1, #new-token: 6, #cached-token: 0, token usage: 0.03,"
                        + " #running-req: 1, #queue-req: 0, #pending-token: 0, cpu graph: False,"
                        + " input throughput \\(token/s\\): \\d+\\.\\d\\d");
        assertThat(lines.getLast())
                .matches("Decode batch, #running-req: 1, #token: 48, token usage: 0.19, cpu graph: False,"
                        + " gen throughput \\(token/s\\): \\d+\\.\\d\\d, #queue-req: 0");
        assertThat(lines).hasSize(2);
    }

    @Test
    void stepsUpToTheLargestRecordingAreLoggedAsReplayed() throws InterruptedException {
        for (int mostReplayed : new int[] {0, 1}) {
            var lines = new ArrayList<String>();
            var options = LoopOptions.of(1).withListener(new StepLog(lines::add, "cuda graph", mostReplayed));
            try (var engine = engine(fake(), options)) {
                listen(engine.submit(request(1, 60)));
            }
            assertThat(lines.getFirst()).contains("cuda graph: False, input");
            assertThat(lines.getLast())
                    .contains(mostReplayed == 0 ? "cuda graph: False, gen" : "cuda graph: True, gen");
        }
    }
}
