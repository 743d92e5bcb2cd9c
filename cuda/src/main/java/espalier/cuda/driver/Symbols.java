package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Functions of a native library by name. All of them take nothing but numbers and yield a status: handles and addresses
 * are numbers to the machine, and so is an {@code int}, which Linux's calling conventions (x86-64 and AArch64) put into
 * the lower half of a register or a slot of eight bytes, ignoring the upper. So one shape a number of arguments does for
 * every function, and tests may stand in for a library with plain method handles.
 */
@SuppressWarnings("restricted") // native libraries are what this package is for
@FunctionalInterface
interface Symbols {

    /**
     * {@code int name(long, ...)}.
     *
     * @throws EngineFault if the library has no such function
     */
    MethodHandle function(String name, int arguments);

    /** @throws EngineFault if the library cannot be opened */
    static Symbols of(Path library) {
        return of(library.getFileName().toString(), opened(library));
    }

    /** The library of that name, where the system's loader finds it. */
    static Symbols ofSystem(String name) {
        try {
            return of(name, SymbolLookup.libraryLookup(name, Arena.global()));
        } catch (IllegalArgumentException e) {
            throw new EngineFault(EngineFault.Code.RESOURCE, "cannot open " + name + ": " + e.getMessage(), e);
        }
    }

    private static SymbolLookup opened(Path library) {
        try {
            return SymbolLookup.libraryLookup(library, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new EngineFault(EngineFault.Code.RESOURCE, "cannot open " + library + ": " + e.getMessage(), e);
        }
    }

    private static Symbols of(String library, SymbolLookup lookup) {
        return (name, arguments) -> {
            var layouts = new MemoryLayout[arguments];
            Arrays.fill(layouts, JAVA_LONG);
            return Linker.nativeLinker()
                    .downcallHandle(
                            lookup.find(name)
                                    .orElseThrow(() -> new EngineFault(
                                            EngineFault.Code.RESOURCE,
                                            library + " has no " + name + "; CUDA 12.4 or later is wanted")),
                            FunctionDescriptor.of(JAVA_INT, layouts));
        };
    }
}
