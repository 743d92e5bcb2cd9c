package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** The functions of cuBLASLt that this project uses, its handle, and whatever was created and not yet destroyed. */
final class CublasLt {
    private static final String LIBRARY = "libcublasLt";

    private final CudaCalls calls;
    private final Call multiply;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment factors = arena.allocate(JAVA_FLOAT, 2);
    private final MemorySegment algorithm = arena.allocate(CublasProduct.ALGORITHM_BYTES, 8);

    /** By handle, what destroys it. */
    private final Map<Long, String> created = new LinkedHashMap<>();

    private final long handle;

    /** For the GPU that is current on this thread. */
    CublasLt(Symbols library) {
        calls = new CudaCalls(library);
        multiply = calls.call("cublasLtMatmul", 16);
        factors.setAtIndex(JAVA_FLOAT, 0, 1);
        factors.setAtIndex(JAVA_FLOAT, 1, 0);
        try {
            handle = create("cublasLt");
        } catch (EngineFault e) {
            arena.close();
            throw e;
        }
    }

    /** How it is opened, where there is one. */
    static Optional<Supplier<Symbols>> find(Libraries libraries) {
        return libraries.find(LIBRARY, 12, 13).map(found -> () -> Symbols.of(found.file()));
    }

    long handle() {
        return handle;
    }

    /** As the library counts: 130200 is 13.2. */
    int version() {
        return calls.status("cublasLtGetVersion");
    }

    /** Calls {@code kind + "Create"}; what it makes is destroyed by {@link #destroy}, or at the end. */
    long create(String kind, long... rest) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(JAVA_LONG);
            run(kind + "Create", CudaCalls.after(out.address(), rest));
            long made = out.get(JAVA_LONG, 0);
            created.put(made, kind + "Destroy");
            return made;
        }
    }

    void destroy(long made) {
        String by = created.remove(made);
        if (by != null) {
            run(by, made);
        }
    }

    void set(String function, long of, int attribute, long value, int bytes) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment at = scratch.allocate(JAVA_LONG);
            at.set(JAVA_LONG, 0, value);
            run(function, of, attribute, at.address(), bytes);
        }
    }

    void run(String name, long... arguments) {
        check(status(name, arguments), name);
    }

    int status(String name, long... arguments) {
        return calls.status(name, arguments);
    }

    void check(int status, String what) {
        if (status != 0) {
            throw new EngineFault(
                    EngineFault.Code.DEVICE, what + " failed with cuBLAS status " + status + name(status));
        }
    }

    private static String name(int status) {
        return switch (status) {
            case 1 -> " (not initialised)";
            case 3 -> " (out of memory; lower --mem-fraction-static)";
            case 7 -> " (invalid value)";
            case 8 -> " (the library does not support this GPU)";
            case 13 -> " (execution failed)";
            case 14 -> " (internal error)";
            case 15 -> " (not supported)";
            default -> "";
        };
    }

    /** {@code cublasLtMatmul} by that algorithm; its status. */
    int multiply(CublasProduct p, byte[] by, ProductLibrary.Operands o, long workspace, Stream stream) {
        MemorySegment.copy(by, 0, algorithm, JAVA_BYTE, 0, by.length);
        long beta = factors.address() + (p.shape().sum() == ProductLibrary.Sum.ADD ? 0 : Float.BYTES);
        return multiply.with(
                handle,
                p.operation(),
                factors.address(),
                o.w(),
                p.w(),
                o.x(),
                p.x(),
                beta,
                o.y(),
                p.y(),
                o.y(),
                p.y(),
                algorithm.address(),
                workspace,
                CublasProductLibrary.WORKSPACE_BYTES,
                stream.handle());
    }

    /** Destroys everything, the newest first, whatever comes of it. */
    void close() {
        for (Map.Entry<Long, String> each : List.copyOf(created.entrySet()).reversed()) {
            calls.status(each.getValue(), each.getKey());
        }
        forget();
    }

    /** Leaves to a GPU that does not answer what it has. */
    void forget() {
        created.clear();
        arena.close();
    }
}
