package espalier.cuda;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Stream;
import java.lang.foreign.MemorySegment;

/**
 * Page-locked memory that copies to the device go through: what is to be sent is read at once, and goes over the bus
 * while the host reads on. Blocks take turns; one is filled again when its copy is done.
 */
final class Staging {
    private final Driver driver;
    private final MemorySegment memory;
    private final long blockBytes;
    private final Event[] sent;
    private final boolean[] used;
    private int turn;

    Staging(Driver driver, int blocks, long blockBytes) {
        this.driver = driver;
        this.blockBytes = blockBytes;
        memory = driver.allocatePinned(blocks * blockBytes);
        sent = new Event[blocks];
        used = new boolean[blocks];
        for (int i = 0; i < blocks; i++) {
            sent[i] = driver.openEvent(Event.Kind.MARK);
        }
    }

    void upload(Stream stream, MemorySegment from, long to) {
        for (long at = 0; at < from.byteSize(); at += blockBytes) {
            long bytes = Math.min(blockBytes, from.byteSize() - at);
            if (used[turn]) {
                driver.await(sent[turn]);
            }
            MemorySegment block = memory.asSlice(turn * blockBytes, bytes);
            MemorySegment.copy(from, at, block, 0, bytes);
            driver.upload(stream, block, to + at);
            driver.record(sent[turn], stream);
            used[turn] = true;
            turn = (turn + 1) % sent.length;
        }
    }
}
