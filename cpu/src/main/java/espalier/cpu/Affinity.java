package espalier.cpu;

import espalier.cpu.jit.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Keeps the calling thread on some processors, through Linux's {@code sched_setaffinity}; threads that it starts inherit it. */
final class Affinity {
    private Affinity() {}

    private static boolean isPossible() {
        return System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")
                && Affinity.class.getModule().isNativeAccessEnabled();
    }

    /** False where the system has no such call, or refuses it: the thread runs where it ran before. */
    static boolean set(List<Integer> processors) {
        if (processors.isEmpty() || !isPossible()) {
            return false;
        }
        int words = Collections.max(processors) / Long.SIZE + 1;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(ValueLayout.JAVA_LONG, words);
            for (int processor : processors) {
                long word = mask.getAtIndex(ValueLayout.JAVA_LONG, processor / Long.SIZE);
                mask.setAtIndex(ValueLayout.JAVA_LONG, processor / Long.SIZE, word | 1L << processor % Long.SIZE);
            }
            return (int) Libc.call("sched_setaffinity", 0, (long) words * Long.BYTES, mask.address(), 0, 0, 0) == 0;
        }
    }
}
