package espalier.cpu;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Memory that a kernel reuses from call to call; it grows when a call needs more. One thread at a time may use it.
 *
 * <p>Each allocation has an arena of its own, since an arena gives nothing back before its end. Where memory ends, nothing
 * is held, and the next call asks again.
 */
final class Scratch implements AutoCloseable {
    private static final long ALIGN = 4096;
    private static final long LEAST = 64;

    private @Nullable Arena arena;
    private long bytes;
    private long address;

    /** The address of at least {@code wanted} bytes, whose contents are anything. */
    long take(long wanted) {
        if (wanted > bytes || bytes == 0) {
            allocate(Math.max(Math.max(wanted, LEAST), 2 * bytes));
        }
        return address;
    }

    private void allocate(long most) {
        close();
        Arena next = Arena.ofShared();
        try {
            address = next.allocate(most, ALIGN).address();
            bytes = most;
            arena = next;
        } finally {
            if (bytes == 0) {
                next.close();
            }
        }
    }

    @Override
    public void close() {
        Arena last = arena;
        arena = null;
        bytes = 0;
        address = 0;
        if (last != null) {
            last.close();
        }
    }
}
