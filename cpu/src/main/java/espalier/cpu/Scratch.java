package espalier.cpu;

import java.lang.foreign.Arena;

/** Memory that a kernel reuses from call to call; it grows when a call needs more. Owned by the device's thread. */
final class Scratch implements AutoCloseable {
    private Block block = new Block(64);

    /** One allocation, freed by itself: an arena gives nothing back before its end. */
    private static final class Block {
        private static final long ALIGN = 4096;

        private final Arena arena = Arena.ofShared();
        private final long bytes;
        private final long address;

        Block(long bytes) {
            this.bytes = bytes;
            this.address = arena.allocate(bytes, ALIGN).address();
        }
    }

    /** The address of at least {@code wanted} bytes, whose contents are anything. */
    long take(long wanted) {
        if (wanted > block.bytes) {
            block.arena.close();
            block = new Block(Math.max(wanted, 2 * block.bytes));
        }
        return block.address;
    }

    @Override
    public void close() {
        block.arena.close();
    }
}
