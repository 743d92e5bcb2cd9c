package espalier.cpu.jit;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** What is asked of Linux, by its C library: by one handle, since linking another takes milliseconds of a start. */
public final class Libc {
    private static final long READ = 1;
    private static final long WRITE = 2;
    private static final long EXECUTE = 4;
    private static final long PRIVATE_ANONYMOUS = 0x22;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final MemorySegment NOWHERE = MemorySegment.NULL;

    private Libc() {}

    /** Linked when first used: on other systems the class may be loaded all the same. */
    private static final class Handle {
        /** Any function of up to six whole numbers; its address is an argument. */
        @SuppressWarnings("restricted") // calling the system is what the class is for
        private static final MethodHandle CALL = Linker.nativeLinker()
                .downcallHandle(
                        FunctionDescriptor.of(LONG, LONG, LONG, LONG, LONG, LONG, LONG),
                        Linker.Option.captureCallState("errno"));

        private Handle() {}
    }

    /** Zeroed pages that can be read and written. */
    static long map(long bytes) {
        long address = call("mmap", 0, bytes, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0);
        if (address < 0) {
            throw new EngineFault(EngineFault.Code.RESOURCE, "mmap of " + bytes + " bytes for code: errno " + -address);
        }
        return address;
    }

    static void unmap(long address, long bytes) {
        long status = call("munmap", address, bytes, 0, 0, 0, 0);
        assert status == 0 : "munmap of " + bytes + " bytes: errno " + -status;
    }

    /** Makes pages executable and no longer writable; returns 0 or errno. */
    static int makeExecutable(long address, long bytes) {
        return -(int) call("mprotect", address, bytes, READ | EXECUTE, 0, 0, 0);
    }

    /** Asks that the threads of this process, and those that start later, may use AMX's tiles; returns 0 or errno. */
    static int allowTiles() {
        long archPrctl = 158;
        long requestPermission = 0x1023;
        long tileData = 18;
        return -(int) call("syscall", archPrctl, requestPermission, tileData, 0, 0, 0);
    }

    /**
     * Calls a function that returns a pointer or 0, and -1 where it fails.
     *
     * @return its result, or minus errno where that is -1
     */
    public static long call(String function, long a, long b, long c, long d, long e, long f) {
        MemorySegment address =
                Linker.nativeLinker().defaultLookup().find(function).orElse(NOWHERE);
        if (address.address() == 0) {
            throw new EngineFault(EngineFault.Code.RESOURCE, "the C library has no function " + function);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
            long result = (long) Handle.CALL.invokeExact(address, state, a, b, c, d, e, f);
            if ((int) result != -1) {
                return result;
            }
            PathElement errno = PathElement.groupElement("errno");
            return -state.get(
                    ValueLayout.JAVA_INT, Linker.Option.captureStateLayout().byteOffset(errno));
        } catch (EngineFault fault) {
            throw fault;
        } catch (Throwable t) { // what a method handle may throw in theory
            throw new EngineFault(EngineFault.Code.INTERNAL, function + " cannot be called: " + t, t);
        }
    }
}
