package espalier.engine;

import static espalier.engine.SmallEngine.engine;
import static espalier.engine.SmallEngine.expected;
import static espalier.engine.SmallEngine.fake;
import static espalier.engine.SmallEngine.impatient;
import static espalier.engine.SmallEngine.listen;
import static espalier.engine.SmallEngine.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.api.Generation;
import espalier.api.RequestRejected;
import espalier.engine.SmallEngine.Heard;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How an engine, or what runs on it, comes to an end. */
@Timeout(60) // a lost wake-up must fail, not hang
class LocalEngineEndTest {
    @Test
    void aFailureAtAnyCallEndsEveryRequestOnceAndTheEngineSaysSo() throws Exception {
        List<java.util.function.Supplier<RuntimeException>> faults = List.of(
                () -> new EngineFault(EngineFault.Code.DEVICE, "rank 1 is gone"),
                () -> new IllegalStateException("a broken invariant"));
        for (var fault : faults) {
            for (int call = 0; call < 40; call++) {
                var faulty = new FaultyExecutor(fake(), call, fault);
                var told = new CopyOnWriteArrayList<EngineFault>();
                try (var engine = engine(faulty, LoopOptions.of(1).withFailed(told::add))) {
                    var heard = SmallEngine.<Boolean>together(3, i -> () -> {
                        try (var generation = engine.submit(request(i, 12))) {
                            Heard all = listen(generation);
                            if (all.end() instanceof Emission.Failed failed) {
                                assertThat(failed.cause())
                                        .isInstanceOf(EngineFault.class)
                                        .hasMessageContaining(fault.get().getMessage());
                            } else {
                                assertThat(all.tokens()).isEqualTo(expected(request(i, 12)));
                            }
                            assertThatThrownBy(generation::next).isInstanceOf(IllegalStateException.class);
                            return all.end() instanceof Emission.Failed;
                        } catch (EngineFault e) {
                            return true; // it failed before this one came
                        }
                    });
                    boolean failed = false;
                    for (Future<Boolean> one : heard) {
                        failed |= one.get();
                    }
                    if (failed) {
                        assertThat(engine.isHealthy()).isFalse();
                        assertThat(told)
                                .singleElement()
                                .satisfies(f -> assertThat(f)
                                        .hasMessageContaining(fault.get().getMessage()));
                        assertThat(engine.flushCache()).isFalse();
                        assertThatThrownBy(() -> engine.submit(request(9, 1))).isInstanceOf(EngineFault.class);
                    } else {
                        assertThat(faulty.hasFailed()).isFalse();
                        assertThat(told).isEmpty();
                    }
                }
            }
        }
    }

    @Test
    void closeWhileRunningFailsWhatIsOpenAndThenNothingIsTaken() throws InterruptedException {
        var fake = fake();
        var gated = new GatedExecutor(fake);
        var engine = engine(gated);
        var running = engine.submit(request(1, 100));
        gated.launches.acquire();
        var waiting = IntStream.range(2, 8)
                .mapToObj(i -> engine.submit(request(i, 100)))
                .toList();
        var closing = Thread.ofPlatform().start(engine::close);
        awaitBlocked(closing); // until it waits for the engine's thread, or need not
        gated.openForGood();
        closing.join();
        assertThat(fake.isClosed()).isTrue();
        var all = new ArrayList<>(waiting);
        all.add(running);
        for (Generation generation : all) {
            assertThat(listen(generation).end())
                    .isInstanceOfSatisfying(
                            Emission.Failed.class,
                            f -> assertThat(f.cause())
                                    .isInstanceOf(RequestRejected.class)
                                    .hasMessage("The server is shutting down."));
        }
        assertThatThrownBy(() -> engine.submit(request(9, 1))).isInstanceOf(RequestRejected.class);
        assertThat(engine.flushCache()).isFalse();
        assertThat(engine.isHealthy()).isTrue();
        engine.close();
    }

    @Test
    void closeDoesNotWaitForEverForAStepThatDoesNotEnd() throws InterruptedException {
        var gated = new GatedExecutor(fake());
        var engine = impatient(gated);
        var stuck = engine.submit(request(1, 100));
        gated.launches.acquire(2);
        engine.close();
        assertThat(listen(stuck).end())
                .isInstanceOfSatisfying(
                        Emission.Failed.class, f -> assertThat(f.cause()).hasMessage("The server is shutting down."));
        assertThat(engine.isHealthy()).isTrue();
    }

    @Test
    void drainingTakesNothingMoreAndWaitsForTheRest() throws Exception {
        var gated = new GatedExecutor(fake());
        try (var engine = engine(gated)) {
            var generation = engine.submit(request(1, 10));
            gated.launches.acquire();
            assertThat(engine.drain(Duration.ZERO)).isFalse();
            assertThatThrownBy(() -> engine.submit(request(2, 1))).isInstanceOf(RequestRejected.class);
            gated.openForGood();
            assertThat(engine.drain(Duration.ofSeconds(30))).isTrue();
            assertThat(listen(generation).tokens()).isEqualTo(expected(request(1, 10)));
        }
    }

    @Test
    void theCacheIsFlushedOnlyWhenNothingIsOpen() throws Exception {
        var gated = new GatedExecutor(fake());
        try (var engine = engine(gated)) {
            var generation = engine.submit(request(1, 100));
            gated.launches.acquire();
            try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
                var flushed = threads.submit(engine::flushCache);
                while (!flushed.isDone()) {
                    gated.results.release(); // one step at a time, until it has seen the wish
                    gated.launches.tryAcquire(1, TimeUnit.SECONDS);
                }
                // Only where the wish came later than every token may it have been granted.
                assertThat(!flushed.get() || engine.load().finishedRequests() == 1)
                        .isTrue();
            }
            gated.openForGood();
            listen(generation);
            assertThat(engine.flushCache()).isTrue();
            assertThat(engine.load().cachedTokens()).isZero();
        }
    }

    @Test
    void whoeverAsksSomethingOfAnEngineThatEndsIsAnswered() throws Exception {
        var gated = new GatedExecutor(fake());
        var engine = engine(gated);
        engine.submit(request(1, 100));
        gated.launches.acquire(2); // now it waits for a result
        var answer = new CompletableFuture<Boolean>();
        var asking = Thread.ofPlatform().start(() -> answer.complete(engine.flushCache()));
        awaitBlocked(asking);
        var closing = Thread.ofPlatform().start(engine::close);
        awaitBlocked(closing);
        gated.openForGood();
        assertThat(answer.get()).isFalse();
        closing.join();
    }

    @Test
    void aCallThatThrowsEndsTheEngineAndNobodyWaitsForAnAnswer() {
        var engine = engine(fake());
        assertThat(engine.pause(null)).isFalse(); // there is no such pause
        assertThat(engine.flushCache()).isFalse();
        engine.close();
        assertThat(engine.isHealthy()).isFalse();
    }

    private static void awaitBlocked(Thread thread) {
        while (true) {
            Thread.State now = thread.getState();
            if (now == Thread.State.WAITING || now == Thread.State.TIMED_WAITING || !thread.isAlive()) {
                return;
            }
            Thread.onSpinWait();
        }
    }
}
