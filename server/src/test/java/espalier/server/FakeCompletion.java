package espalier.server;

import espalier.api.Emission.FinishReason;
import espalier.api.TokenLogprobs;
import espalier.base.Tokens;
import espalier.chat.Completion;
import espalier.chat.TextEvent;
import espalier.chat.TextRequest;
import espalier.chat.TokenText;
import espalier.chat.Usage;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;

/** A request to the fake engine, whose events the test writes. Closing it ends the open choices, as an engine does. */
final class FakeCompletion implements Completion {
    static final int PROMPT_TOKENS = 7;
    static final int CACHED_TOKENS = 3;
    private static final TextEvent BROKEN = new TextEvent.Delta(0, "", List.of());

    final TextRequest request;
    final CountDownLatch cancelled = new CountDownLatch(1);
    final CountDownLatch ended = new CountDownLatch(1);
    private final BlockingQueue<TextEvent> events = new LinkedBlockingQueue<>();
    private final Runnable step;

    /** Whether a cancellation has to wait, as for the end of a long step. */
    volatile boolean busy;

    private final BitSet open = new BitSet();
    private final int[] tokens;

    FakeCompletion(TextRequest request, Runnable step) {
        this.step = step;
        this.request = request;
        this.open.set(0, request.choices());
        this.tokens = new int[request.choices()];
    }

    synchronized void say(int choice, int id, String text) {
        if (open.get(choice)) {
            tokens[choice]++;
            step.run();
            events.add(new TextEvent.Delta(choice, text, List.of(token(id, text))));
        }
    }

    synchronized void finish(int choice, FinishReason reason, Object matchedStop) {
        if (open.get(choice)) {
            open.clear(choice);
            var usage = new Usage(PROMPT_TOKENS, CACHED_TOKENS, tokens[choice]);
            events.add(new TextEvent.Finished(choice, reason, matchedStop, usage));
            if (open.isEmpty()) {
                ended.countDown();
            }
        }
    }

    synchronized void fail(int choice, RuntimeException cause) {
        open.clear(choice);
        events.add(new TextEvent.Failed(choice, cause));
    }

    /** The chosen token at -0.5, then as many alternatives as were asked for: ids 1, 2, ... at -1, -2, ... */
    private TokenText token(int id, String text) {
        int top = request.sampling().logprobs();
        TokenLogprobs logprobs = null;
        if (top >= 0) {
            int[] ids = new int[top];
            float[] values = new float[top];
            for (int i = 0; i < top; i++) {
                ids[i] = i + 1;
                values[i] = -1f - i;
            }
            logprobs = new TokenLogprobs(-0.5f, Tokens.of(ids), values);
        }
        return new TokenText(id, text, text.getBytes(StandardCharsets.UTF_8), logprobs);
    }

    /** What the test and the user call it: the server adds a number, so that the engine never sees a name twice. */
    String rid() {
        return request.rid().substring(0, request.rid().lastIndexOf('#'));
    }

    /** Lets the reader fail as a defect of ours would. */
    void breakReader() {
        events.add(BROKEN);
    }

    /** Events that nobody has taken yet. */
    int unread() {
        return events.size();
    }

    @Override
    public int promptTokens() {
        return PROMPT_TOKENS;
    }

    @Override
    public TextEvent next() throws InterruptedException {
        TextEvent event = events.take();
        if (event == BROKEN) {
            throw new AssertionError("the reader is broken");
        }
        return event;
    }

    @Override
    public synchronized void close() {
        if (!open.isEmpty()) {
            cancelled.countDown();
            if (busy) {
                return;
            }
            for (int choice = 0; choice < request.choices(); choice++) {
                finish(choice, FinishReason.ABORT, null);
            }
        }
    }
}
