package espalier.cpu;

import espalier.api.EngineFault;
import espalier.cpu.jit.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * Zeroed memory that the system backs page by page when it is first written, through Linux's mmap; a plain arena writes
 * zeros to all of it at once. Elsewhere, or without native access, it is an arena's after all.
 */
final class Mapping {
    private static final int PROT_READ_WRITE = 1 | 2;
    private static final int MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x02 | 0x20 | 0x4000;
    private static final long ALIGN = 64;
    private static final long PAGE = 4096;
    private static final long HUGE_PAGE = 2 << 20;
    private static final int MADV_HUGEPAGE = 14;
    private static final int MADV_DONTNEED = 4;

    private static final boolean AVAILABLE =
            System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")
                    && Mapping.class.getModule().isNativeAccessEnabled();

    private Mapping() {}

    /** Memory that lives as long as the arena. */
    @SuppressWarnings("restricted") // the size is the one that was asked of the system
    static MemorySegment allocate(Arena arena, long bytes) {
        if (!AVAILABLE || bytes < 1 << 16) {
            return arena.allocate(bytes, ALIGN);
        }
        long address = Libc.call("mmap", 0, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0);
        if (address < 0) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "the system has no " + bytes
                            + " bytes of address space left; a smaller model or --quantization takes less for weights, "
                            + "--max-total-tokens less for the KV cache");
        }
        return MemorySegment.ofAddress(address).reinterpret(bytes, arena, s -> unmap(s.address(), bytes));
    }

    /** Likewise in huge pages, where the system has them to give; whole ones, or the end would lie in small pages. */
    static MemorySegment allocateLarge(Arena arena, long bytes) {
        long whole = Math.ceilDiv(bytes, HUGE_PAGE) * HUGE_PAGE;
        MemorySegment memory = allocate(arena, whole + HUGE_PAGE);
        MemorySegment aligned = memory.asSlice(-memory.address() & (HUGE_PAGE - 1), whole);
        advise(aligned.address(), whole, MADV_HUGEPAGE);
        return aligned.asSlice(0, bytes);
    }

    /** Has the system back fresh memory, whose contents are zero, near the calling thread. */
    static void touch(long address, long bytes) {
        for (long at = address; at < address + bytes; at += PAGE) {
            Lanes.ALL.set(ValueLayout.JAVA_BYTE, at, (byte) 0);
        }
    }

    /** Gives the pages inside memory of {@link #allocate} back to the system; what they held is lost. */
    static void discard(MemorySegment memory) {
        long first = Math.ceilDiv(memory.address(), PAGE) * PAGE;
        long end = (memory.address() + memory.byteSize()) / PAGE * PAGE;
        if (end > first) {
            advise(first, end - first, MADV_DONTNEED);
        }
    }

    /** A hint: a refusal does no harm. */
    private static void advise(long address, long bytes, int advice) {
        if (AVAILABLE) {
            long _ = Libc.call("madvise", address, bytes, advice, 0, 0, 0);
        }
    }

    private static void unmap(long address, long bytes) {
        long status = Libc.call("munmap", address, bytes, 0, 0, 0, 0);
        assert status == 0 : "munmap of " + bytes + " bytes failed";
    }
}
