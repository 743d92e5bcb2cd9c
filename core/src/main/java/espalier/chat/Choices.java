package espalier.chat;

import espalier.api.EngineFault;
import espalier.api.Generation;
import espalier.api.RequestRejected;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The choices of one request. A single one is read on the caller's thread; several are read by a virtual thread each
 * and meet in one queue.
 */
final class Choices implements Completion {

    /** A generation and what makes text of it. */
    record Choice(Generation generation, ChoiceText text) {}

    private final int promptTokens;
    private final List<Choice> choices;
    private final Queue<TextEvent> ready = new ArrayDeque<>();
    private final BlockingQueue<TextEvent> joined = new LinkedBlockingQueue<>();

    Choices(int promptTokens, List<Choice> choices) {
        this.promptTokens = promptTokens;
        this.choices = choices;
        if (choices.size() > 1) {
            choices.forEach(c -> Thread.ofVirtual().name("choice").start(() -> pump(c)));
        }
    }

    @Override
    public int promptTokens() {
        return promptTokens;
    }

    @Override
    public TextEvent next() throws InterruptedException {
        if (choices.size() > 1) {
            return joined.take();
        }
        while (ready.isEmpty()) {
            step(choices.getFirst(), ready);
        }
        return ready.remove();
    }

    @Override
    public void close() {
        choices.forEach(c -> c.generation().close());
    }

    private void pump(Choice c) {
        var events = new ArrayDeque<TextEvent>();
        boolean ended = false;
        while (!ended) {
            try {
                step(c, events);
            } catch (Throwable e) { // the top of the thread: whatever it is, who waits for this choice must hear of it
                c.generation().close();
                events.add(new TextEvent.Failed(c.text().choice(), cause(e)));
            }
            ended = !events.isEmpty() && !(events.peekLast() instanceof TextEvent.Delta);
            joined.addAll(events);
            events.clear();
        }
    }

    private static RuntimeException cause(Throwable e) {
        if (e instanceof OutOfMemoryError none) {
            return EngineFault.outOfMemory("an answer was read", none);
        }
        return e instanceof RequestRejected || e instanceof EngineFault
                ? (RuntimeException) e
                : new EngineFault(EngineFault.Code.INTERNAL, "reading an answer ended by " + e, e);
    }

    private static void step(Choice c, Queue<TextEvent> out) throws InterruptedException {
        boolean before = c.text().isStopped();
        c.text().on(c.generation().next(), out::add);
        if (!before && c.text().isStopped()) {
            c.generation().finish();
        }
    }
}
