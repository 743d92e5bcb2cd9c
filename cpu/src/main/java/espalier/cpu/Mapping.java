package espalier.cpu;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

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

    private static final @Nullable MethodHandle MMAP = find(
            "mmap",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG));
    private static final @Nullable MethodHandle MUNMAP =
            find("munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

    private static final @Nullable MethodHandle MADVISE = find(
            "madvise",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));

    private Mapping() {}

    @SuppressWarnings("restricted") // calling the system is what the class is for
    private static @Nullable MethodHandle find(String name, FunctionDescriptor type) {
        if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")
                || !Mapping.class.getModule().isNativeAccessEnabled()) {
            return null;
        }
        Optional<MemorySegment> symbol = Linker.nativeLinker().defaultLookup().find(name);
        return symbol.map(s -> Linker.nativeLinker().downcallHandle(s, type)).orElse(null);
    }

    /** Memory that lives as long as the arena. */
    @SuppressWarnings("restricted") // the size is the one that was asked of the system
    static MemorySegment allocate(Arena arena, long bytes) {
        MethodHandle map = MMAP;
        MethodHandle unmap = MUNMAP;
        if (map == null || unmap == null || bytes < 1 << 16) {
            return arena.allocate(bytes, ALIGN);
        }
        long address;
        try {
            address = (long) map.invokeExact(0L, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0L);
        } catch (Throwable t) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "mmap cannot be called: " + t, t);
        }
        if (address == -1) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "the system has no " + bytes
                            + " bytes of address space left; a smaller model or --quantization takes less for weights, "
                            + "--max-total-tokens less for the KV cache");
        }
        return MemorySegment.ofAddress(address).reinterpret(bytes, arena, s -> unmap(unmap, s.address(), bytes));
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
        MethodHandle advise = MADVISE;
        if (advise == null) {
            return;
        }
        try {
            int _ = (int) advise.invokeExact(address, bytes, advice);
        } catch (Throwable t) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "madvise cannot be called: " + t, t);
        }
    }

    private static void unmap(MethodHandle unmap, long address, long bytes) {
        try {
            int status = (int) unmap.invokeExact(address, bytes);
            assert status == 0 : "munmap of " + bytes + " bytes failed";
        } catch (Throwable t) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "munmap cannot be called: " + t, t);
        }
    }
}
