package espalier.text;

import espalier.api.RequestRejected;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Runs a match that may need more stack than the caller's thread has.
 *
 * <p>{@code java.util.regex} recurses once per repetition of a group such as {@code (a|b)*}, so a hostile text
 * overflows the stack. The few patterns that do it are matched again on a thread of their own with a stack of 1 GiB
 * (reserved, not touched, until needed); a text that overflows that too is refused.
 */
final class DeepRegex {
    private static final long STACK_BYTES = 1L << 30;

    private DeepRegex() {}

    /** {@code match} must be repeatable: it starts anew after an overflow. */
    static void run(Runnable match) {
        try {
            match.run();
        } catch (StackOverflowError shallow) {
            runDeep(match);
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
