package espalier.cpu.jit;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Machine code in memory that can be run but not written.
 *
 * <p>Pages are mapped writable, filled, and only then made executable: no page is ever both (W^X). Calls are plain
 * downcalls: meanwhile the thread counts as "in native" and holds up no safepoint, so a kernel may run for as long as
 * it likes. {@code Linker.Option.critical} would save some nanoseconds a call and make collections wait for kernels.
 */
public final class Code {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private final long address;

    private Code(long address) {
        this.address = address;
    }

    /** Why no machine code can be run in this process, as far as can be told without trying; empty if it can. */
    public static String obstacle() {
        String system = System.getProperty("os.name") + " on " + System.getProperty("os.arch");
        if (!system.equals("Linux on amd64")) {
            return "machine code is emitted for Linux on amd64, this is " + system;
        }
        return Code.class.getModule().isNativeAccessEnabled()
                ? ""
                : "the JVM was started without --enable-native-access=espalier.cpu";
    }

    /**
     * Makes code executable until the arena is closed.
     *
     * @throws EngineFault RESOURCE where {@link #obstacle} tells of one, or the system refuses executable memory
     */
    public static Code load(byte[] code, Arena arena) {
        return load(code, arena, Libc::makeExecutable);
    }

    /** The system's step from pages that can be written to pages that can be run. */
    interface Protection {
        /** Returns 0 or errno. */
        int makeExecutable(long address, long bytes);
    }

    @SuppressWarnings("restricted") // the pages have the size that was asked of the system
    static Code load(byte[] code, Arena arena, Protection protection) {
        if (!obstacle().isEmpty()) {
            throw new EngineFault(EngineFault.Code.RESOURCE, obstacle());
        }
        long address = Libc.map(code.length);
        MemorySegment pages = MemorySegment.ofAddress(address)
                .reinterpret(code.length, arena, s -> Libc.unmap(s.address(), s.byteSize()));
        pages.copyFrom(MemorySegment.ofArray(code));
        int errno = protection.makeExecutable(address, code.length);
        if (errno != 0) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "the system refuses executable memory (mprotect: errno " + errno + "; SELinux execmem, "
                            + "MemoryDenyWriteExecute or a seccomp filter?); allow it for this process, or use "
                            + "--cpu-kernels vector");
        }
        return new Code(address);
    }

    /** Likewise, and tells flight recordings and perf the names in it. */
    public static Code load(Asm asm, Arena arena) {
        Code code = load(asm.bytes(), arena);
        PerfMap map = PerfMap.isWanted() ? PerfMap.ofThisProcess() : null;
        asm.names().forEach((start, name) -> {
            Integer next = asm.names().higherKey(start);
            int bytes = (next == null ? asm.position() : next) - start;
            var event = new MachineCode();
            if (event.shouldCommit()) {
                event.kernel = name;
                event.address = code.address + start;
                event.bytes = bytes;
                event.commit();
            }
            if (map != null) {
                map.add(name, code.address + start, bytes);
            }
        });
        if (map != null) {
            map.write();
        }
        return code;
    }

    /** What begins at that byte; valid as long as the arena is open. */
    public Kernel at(int offset) {
        return new Kernel(MemorySegment.ofAddress(address + offset));
    }

    /** A function of up to six whole numbers or addresses, that returns nothing and keeps to the System V ABI. */
    public static final class Kernel {
        /**
         * The code's address is an argument, so that one constant handle, which the compiler inlines, serves every
         * kernel. Addresses travel as longs: a segment would count its arena up and down on every call. Whoever calls
         * checks the bounds beforehand.
         */
        @SuppressWarnings("restricted") // calling machine code is what the class is for
        private static final MethodHandle CALL =
                Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(LONG, LONG, LONG, LONG, LONG, LONG));

        private final MemorySegment start;

        private Kernel(MemorySegment start) {
            this.start = start;
        }

        public void call(long a, long b, long c, long d, long e, long f) {
            try {
                CALL.invokeExact(start, a, b, c, d, e, f);
            } catch (Throwable t) { // what a method handle may throw in theory; machine code throws nothing
                throw new AssertionError(t);
            }
        }
    }
}
