package espalier.http;

import espalier.http.Exchange.Cancellation;
import java.util.ArrayList;
import java.util.List;

/** Whether an answer is still wanted, and what to do once it is not. Safe for use by several threads. */
final class Lifeline {
    private final List<Runnable> actions = new ArrayList<>();
    private Cancellation cancellation = Cancellation.NONE;
    private boolean served;
    private boolean sent;

    synchronized Cancellation cancellation() {
        return cancellation;
    }

    void onCancel(Runnable action) {
        synchronized (this) {
            if (cancellation == Cancellation.NONE) {
                actions.add(action);
                return;
            }
        }
        action.run();
    }

    /** Runs the actions unless that has been done, or the answer is complete. */
    void cancel(Cancellation why) {
        List<Runnable> now;
        synchronized (this) {
            if (sent || cancellation == Cancellation.CLIENT_GONE) {
                return;
            }
            cancellation = why;
            now = List.copyOf(actions);
            actions.clear();
        }
        now.forEach(Runnable::run);
    }

    /** The whole answer has been handed to the socket. */
    synchronized void sent() {
        sent = true;
        actions.clear();
    }

    /** The endpoint has returned. */
    synchronized void served() {
        served = true;
    }

    /** True once nothing happens any more: the endpoint has returned, and the answer is out or nobody takes it. */
    synchronized boolean isOver() {
        return served && (sent || cancellation == Cancellation.CLIENT_GONE);
    }
}
