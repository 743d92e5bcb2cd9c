package espalier.serving;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.chat.TextEvent;
import espalier.chat.TextRequest;
import espalier.http.Exchange;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The requests that one body asks for: all are accepted or none, and their events meet in one place. A single one is
 * read on the caller's thread, several by a virtual thread each.
 */
public final class Runs implements AutoCloseable {

    /** Most answers that one body may ask for: prompts times the choices of each. */
    public static final int MOST_ANSWERS = 16_384;

    /**
     * An event and where it belongs.
     *
     * @param prompt which prompt of the body
     * @param index which answer of the body: prompts in order, the choices of each in order
     */
    public record Heard(int prompt, int index, TextEvent event) {}

    private final List<Run> runs = new ArrayList<>();
    private final List<TextRequest> requests;
    private final BlockingQueue<Heard> joined = new LinkedBlockingQueue<>();
    private int open;

    private Runs(List<TextRequest> requests) {
        this.requests = List.copyOf(requests);
        this.open = requests.stream().mapToInt(TextRequest::choices).sum();
    }

    /** Starts {@code requests}; when one is refused, those before it are cancelled. */
    public static Runs start(Service service, Exchange exchange, List<TextRequest> requests) {
        var all = new Runs(requests);
        requireFew(all.open);
        boolean started = false;
        try {
            for (TextRequest request : requests) {
                all.runs.add(service.start(exchange, request));
            }
            started = true;
        } finally {
            if (!started) {
                all.close();
            }
        }
        if (all.runs.size() > 1) {
            for (int i = 0; i < all.runs.size(); i++) {
                int prompt = i;
                Thread.ofVirtual().name("run").start(() -> all.pump(prompt));
            }
        }
        return all;
    }

    /** Refuses a body that asks for more answers than {@link #MOST_ANSWERS}. */
    public static void requireFew(int answers) {
        if (answers > MOST_ANSWERS) {
            throw RequestRejected.invalid(
                    "prompt",
                    "one request may ask for at most " + MOST_ANSWERS
                            + " answers, prompts times n, but this one asks for " + answers + "; send several");
        }
    }

    public Run get(int prompt) {
        return runs.get(prompt);
    }

    public int answers() {
        return requests.stream().mapToInt(TextRequest::choices).sum();
    }

    /** True while an answer has not ended. */
    public boolean isOpen() {
        return open > 0;
    }

    /** Waits for the next event of any of them. */
    public Heard next() throws InterruptedException {
        Heard heard = runs.size() > 1 ? joined.take() : heard(0, runs.getFirst().next());
        if (!(heard.event() instanceof TextEvent.Delta)) {
            open--;
        }
        return heard;
    }

    /** Reads everything: the answers in order. Throws what one of them failed with. */
    public List<Answer> collect() throws InterruptedException {
        var answers = new ArrayList<Answer>();
        for (int i = 0; i < answers(); i++) {
            answers.add(new Answer());
        }
        while (isOpen()) {
            Heard heard = next();
            answers.get(heard.index()).take(heard.event());
        }
        return answers;
    }

    private void pump(int prompt) {
        Run run = runs.get(prompt);
        var ended = new BitSet();
        try {
            while (run.isOpen()) {
                TextEvent event = run.next();
                if (!(event instanceof TextEvent.Delta)) {
                    ended.set(event.choice());
                }
                joined.add(heard(prompt, event));
            }
        } catch (Throwable e) { // the top of this thread: whoever waits for its events must hear of it
            run.cancel();
            EngineFault cause = e instanceof OutOfMemoryError none
                    ? EngineFault.outOfMemory("an answer was read", none)
                    : new EngineFault(EngineFault.Code.INTERNAL, "reading an answer ended by " + e, e);
            for (int i = 0; i < requests.get(prompt).choices(); i++) {
                if (!ended.get(i)) {
                    joined.add(heard(prompt, new TextEvent.Failed(i, cause)));
                }
            }
        }
    }

    private Heard heard(int prompt, TextEvent event) {
        int before = 0;
        for (int i = 0; i < prompt; i++) {
            before += requests.get(i).choices();
        }
        return new Heard(prompt, before + event.choice(), event);
    }

    /** Cancels what is open. */
    @Override
    public void close() {
        runs.forEach(Run::close);
    }
}
