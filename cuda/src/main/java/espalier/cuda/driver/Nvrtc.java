package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * NVIDIA's runtime compiler: CUDA C++ to PTX, or with ptxas, which it contains, to the GPU's own code. It needs neither
 * GPU nor driver nor toolkit. May be used by several threads at once.
 */
public final class Nvrtc {
    /** What to say where it is missing. */
    public static final String HOW_TO_GET = "NVRTC 12.4 to 13 (libnvrtc.so) was not found; install the CUDA toolkit or"
            + " 'pip install nvidia-cuda-nvrtc', and name its folder by CUDA_HOME if it is an unusual one";

    /** What every program is compiled with. */
    public static final List<String> SETTINGS = List.of(
            "--std=c++17",
            "-lineinfo",
            // A product and a sum become one rounding where a source says so and nowhere else. Left to the compiler,
            // two
            // kernels that compute the same round differently, and none as the simulator does.
            "--fmad=false",
            // NVRTC 13.0 takes a lambda in a device function for a host function without it.
            "--device-as-default-execution-space");

    private static final String LIBRARY = "libnvrtc";
    private static final int OLDEST = 12;
    private static final int NEWEST = 13;

    private final Libraries.Found library;
    private final Version version;
    private final Call create;
    private final Call compile;
    private final Call destroy;
    private final Sized log;
    private final Sized ptx;
    private final Sized cubin;

    Nvrtc(Libraries.Found library, Symbols symbols) {
        this.library = library;
        create = Call.of(symbols, "nvrtcCreateProgram", 6);
        compile = Call.of(symbols, "nvrtcCompileProgram", 3);
        destroy = Call.of(symbols, "nvrtcDestroyProgram", 1);
        log = Sized.of(symbols, "ProgramLog");
        ptx = Sized.of(symbols, "PTX");
        cubin = Sized.of(symbols, "CUBIN");
        version = version(Call.of(symbols, "nvrtcVersion", 2));
    }

    /** As CUDA counts. */
    public record Version(int major, int minor) {
        @Override
        public String toString() {
            return major + "." + minor;
        }
    }

    /** What a program is compiled to. */
    public enum Target {
        /** Portable assembly, as text. */
        PTX("compute_"),
        /** Machine code. */
        CUBIN("sm_");

        private final String prefix;

        Target(String prefix) {
            this.prefix = prefix;
        }
    }

    /**
     * A compiled program.
     *
     * @param log of the compiler; for CUBIN with ptxas' registers, spills and remarks
     */
    public record Compiled(byte[] image, String log) {
        public String text() {
            return new String(image, StandardCharsets.UTF_8).replace("\0", "");
        }
    }

    /** The first that lies in the usual places. */
    public static Optional<Nvrtc> find(Libraries libraries) {
        return libraries.find(LIBRARY, OLDEST, NEWEST).map(found -> new Nvrtc(found, Symbols.of(found.file())));
    }

    /** @throws EngineFault that says how to get it */
    public static Nvrtc require(Libraries libraries) {
        return find(libraries).orElseThrow(() -> new EngineFault(EngineFault.Code.RESOURCE, HOW_TO_GET));
    }

    public Version version() {
        return version;
    }

    public Libraries.Found library() {
        return library;
    }

    /**
     * Compiles for an architecture, "80" or "90a".
     *
     * @throws EngineFault INTERNAL with the compiler's log where it refuses
     */
    public Compiled compile(Program program, String architecture, Target target) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = arena.allocate(JAVA_LONG);
            var names = List.copyOf(program.headers().keySet());
            var texts = names.stream().map(n -> header(program, n)).toList();
            check(
                    create.with(
                            handle.address(),
                            arena.allocateFrom(program.source()).address(),
                            arena.allocateFrom(program.name()).address(),
                            names.size(),
                            strings(arena, texts).address(),
                            strings(arena, names).address()),
                    create.name());
            long opened = handle.get(JAVA_LONG, 0);
            try {
                List<String> options = options(program, architecture, target);
                int status = compile.with(
                        opened, options.size(), strings(arena, options).address());
                String said = new String(log.read(arena, opened), StandardCharsets.UTF_8).replace("\0", "");
                if (status != 0) {
                    throw new EngineFault(
                            EngineFault.Code.INTERNAL,
                            "NVRTC " + version + " refuses " + program.title() + " for " + target.prefix + architecture
                                    + " (status " + status + "):\n" + said);
                }
                return new Compiled((target == Target.PTX ? ptx : cubin).read(arena, opened), said);
            } finally {
                int _ = destroy.with(handle.address());
            }
        }
    }

    private static List<String> options(Program program, String architecture, Target target) {
        var options = new ArrayList<>(SETTINGS);
        options.add("--gpu-architecture=" + target.prefix + architecture);
        if (target == Target.CUBIN) {
            options.add("--ptxas-options=-v");
        }
        options.addAll(program.defineOptions());
        return options;
    }

    private static String header(Program program, String name) {
        return java.util.Objects.requireNonNull(program.headers().get(name));
    }

    private static Version version(Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment numbers = arena.allocate(JAVA_INT, 2);
            check(call.with(numbers.address(), numbers.address() + 4), call.name());
            return new Version(numbers.getAtIndex(JAVA_INT, 0), numbers.getAtIndex(JAVA_INT, 1));
        }
    }

    private static void check(int status, String what) {
        if (status != 0) {
            throw new EngineFault(EngineFault.Code.INTERNAL, what + " failed with status " + status);
        }
    }

    private static MemorySegment strings(Arena arena, List<String> texts) {
        MemorySegment pointers = arena.allocate(JAVA_LONG, Math.max(1, texts.size()));
        for (int i = 0; i < texts.size(); i++) {
            pointers.setAtIndex(JAVA_LONG, i, arena.allocateFrom(texts.get(i)).address());
        }
        return pointers;
    }

    /** A result that is asked for its size first. */
    private record Sized(Call size, Call content) {
        static Sized of(Symbols symbols, String what) {
            return new Sized(Call.of(symbols, "nvrtcGet" + what + "Size", 2), Call.of(symbols, "nvrtcGet" + what, 2));
        }

        byte[] read(Arena arena, long program) {
            MemorySegment bytes = arena.allocate(JAVA_LONG);
            check(size.with(program, bytes.address()), size.name());
            MemorySegment to = arena.allocate(Math.max(1, bytes.get(JAVA_LONG, 0)));
            check(content.with(program, to.address()), content.name());
            return to.toArray(JAVA_BYTE);
        }
    }
}
