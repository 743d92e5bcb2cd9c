package espalier.text;

import espalier.api.RequestRejected;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;

/**
 * Runs a match that may need more stack than the caller's thread has.
 *
 * <p>{@code java.util.regex} recurses once per repetition of a group such as {@code (a|b)*}, so a hostile text
 * overflows the stack. The few patterns that do it are matched again on a thread of their own with a stack of 1 GiB
 * (reserved, not touched, until needed); a text that overflows that too is refused. One such match runs at a time in the
 * whole process, however many requests ask for it: the stacks of a few would be all the memory.
 */
final class DeepRegex {
    private static final long STACK_BYTES = 1L << 30;

    /** Of the process, as its memory is. */
    private static final Semaphore ONE = new Semaphore(1, true);

    private DeepRegex() {}

    /** {@code match} must be repeatable: it starts anew after an overflow. */
    static void run(Runnable match) {
        try {
            match.run();
        } catch (StackOverflowError shallow) {
            ONE.acquireUninterruptibly();
            try {
                runDeep(match);
            } finally {
                ONE.release();
            }
        }
    }

    private static void runDeep(Runnable match) {
        FutureTask<Boolean> deep = new FutureTask<>(match, true);
        new Thread(null, deep, "deep-regex", STACK_BYTES).start();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    deep.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof StackOverflowError) {
                throw RequestRejected.invalid(
                        "input", "this text nests too deeply for the tokenizer's pattern; shorten it");
            }
            throw new IllegalStateException(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
