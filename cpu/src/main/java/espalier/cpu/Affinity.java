package espalier.cpu;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Keeps the calling thread on some processors, through Linux's {@code sched_setaffinity}; threads that it starts inherit it. */
final class Affinity {
    private static final @Nullable MethodHandle SET = find();

    private Affinity() {}

    @SuppressWarnings("restricted") // calling the system is what the class is for
    private static @Nullable MethodHandle find() {
        if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")
                || !Affinity.class.getModule().isNativeAccessEnabled()) {
            return null;
        }
        var type = FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS);
        return Linker.nativeLinker()
                .defaultLookup()
                .find("sched_setaffinity")
                .map(symbol -> Linker.nativeLinker().downcallHandle(symbol, type))
                .orElse(null);
    }

    /** False where the system has no such call, or refuses it: the thread runs where it ran before. */
    static boolean set(List<Integer> processors) {
        MethodHandle set = SET;
        if (set == null || processors.isEmpty()) {
            return false;
        }
        int words = Collections.max(processors) / Long.SIZE + 1;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(ValueLayout.JAVA_LONG, words);
            for (int processor : processors) {
                long word = mask.getAtIndex(ValueLayout.JAVA_LONG, processor / Long.SIZE);
                mask.setAtIndex(ValueLayout.JAVA_LONG, processor / Long.SIZE, word | 1L << processor % Long.SIZE);
            }
            return (int) set.invokeExact(0, (long) words * Long.BYTES, mask) == 0;
        } catch (Throwable t) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "sched_setaffinity cannot be called: " + t, t);
        }
    }
}
