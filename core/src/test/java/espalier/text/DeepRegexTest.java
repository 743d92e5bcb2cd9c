package espalier.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.RequestRejected;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class DeepRegexTest {

    @Test
    void aMatchThatNeedsMoreStackThanItsThreadHasIsFoundAllTheSame() throws InterruptedException {
        String text = "ab".repeat(20_000);
        var matched = new AtomicInteger();
        var shallow = new Thread(
                null,
                () -> DeepRegex.run(() -> {
                    if (Pattern.compile("(a|b)*").matcher(text).matches()) {
                        matched.incrementAndGet();
                    }
                }),
                "shallow",
                1 << 18);
        shallow.start();
        shallow.join();
        assertThat(matched).hasValue(1);
    }

    @Test
    void aMatchThatOverflowsThatStackTooIsTheCallersFault() {
        assertThatThrownBy(() -> DeepRegex.run(() -> {
                    throw new StackOverflowError();
                }))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("shorten it");
    }

    @Test
    void deepStacksAreHeldOneAtATime() throws InterruptedException {
        var entered = new AtomicInteger();
        var inside = new AtomicInteger();
        var most = new AtomicInteger();
        var go = new CountDownLatch(1);
        Runnable match = () -> {
            if (!Thread.currentThread().getName().equals("deep-regex")) {
                throw new StackOverflowError();
            }
            entered.incrementAndGet();
            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
            try {
                go.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            inside.decrementAndGet();
        };
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            callers.add(Thread.ofPlatform().start(() -> DeepRegex.run(match)));
        }
        for (Thread caller : callers) {
            while (caller.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
        }
        go.countDown();
        for (Thread caller : callers) {
            caller.join();
        }
        assertThat(entered).hasValue(4);
        assertThat(most).as("deep matches at once").hasValue(1);
    }
}
