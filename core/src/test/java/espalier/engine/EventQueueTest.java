package espalier.engine;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;

class EventQueueTest {
    @Test
    void withoutMemoryWhatNobodyHasReadGivesWayToAnEndThatSaysSo() throws InterruptedException {
        var full = new LinkedBlockingQueue<Emission>() {
            private static final long serialVersionUID = 1;

            @Override
            public boolean add(Emission emission) {
                if (size() == 2) {
                    throw new OutOfMemoryError("injected");
                }
                return super.add(emission);
            }
        };
        var queue = new EventQueue("r", full);
        assertThat(queue.put(new Emission.Token(5, 1, null))).isTrue();
        assertThat(queue.put(new Emission.Token(5, 2, null))).isTrue();
        assertThat(queue.put(new Emission.Token(5, 3, null))).isFalse();
        Emission end = queue.take();
        assertThat(queue.hasEnded()).isTrue();
        assertThat(end.request()).isEqualTo(5);
        assertThat(((Emission.Failed) end).cause())
                .hasMessageStartingWith("out of memory while its answer waited to be read (injected)");
    }
}
