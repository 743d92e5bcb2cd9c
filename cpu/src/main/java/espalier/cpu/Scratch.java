package espalier.cpu;

import java.lang.foreign.Arena;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Memory that a kernel reuses from call to call; it grows when a call needs more. One thread at a time may use it.
 *
 * <p>Each allocation has an arena of its own, since an arena gives nothing back before its end. Where memory ends, nothing
 * is held, and the next call asks again. Pages are backed when they are first written, by whoever writes them.
 */
final class Scratch implements AutoCloseable {
    private static final long LEAST = 1 << 16;

    private final Supplier<Arena> arenas;
    private @Nullable Arena arena;
    private long bytes;
    private long address;

    Scratch(Supplier<Arena> arenas) {
        this.arenas = arenas;
    }

    /** What {@link #reserve} takes for so many bytes. */
    static long reserved(long wanted) {
        return Math.max(wanted, LEAST);
    }

    /** Takes as much as calls will need at most: until one needs more, none allocates anything. */
    void reserve(long wanted) {
        if (reserved(wanted) > bytes) {
            allocate(reserved(wanted));
        }
    }

    /** The address of at least {@code wanted} bytes, whose contents are anything. */
    long take(long wanted) {
        if (wanted > bytes || bytes == 0) {
            allocate(Math.max(reserved(wanted), 2 * bytes));
        }
        return address;
    }

    long bytes() {
        return bytes;
    }

    private void allocate(long most) {
        close();
        Arena next = arenas.get();
        try {
            address = Mapping.allocate(next, most).address();
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
