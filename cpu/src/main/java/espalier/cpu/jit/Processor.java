package espalier.cpu.jit;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumSet;
import java.util.Set;

/**
 * What this processor can run and the system allows.
 *
 * @param features each includes that the system saves the registers that it needs
 * @param fetching what is best on it
 */
public record Processor(Set<Feature> features, Fetching fetching) {
    /** The first letters of "GenuineIntel", as CPUID has them. */
    private static final int GENUINE = 0x756E6547;

    /** What kernels may ask for. */
    public enum Feature {
        /** With FMA and F16C. */
        AVX2,
        AVX_VNNI,
        /** F, DQ, BW and VL, which every processor since 2017 has together. */
        AVX512,
        AVX512_VNNI,
        AVX512_BF16,
        AVX512_VBMI,
        AVX512_FP16,
        /** Tiles; whoever uses them asks the system for leave first. */
        AMX_TILE,
        AMX_BF16,
        AMX_INT8
    }

    public Processor {
        features = Set.copyOf(features);
    }

    public boolean has(Feature... wanted) {
        return features.containsAll(Set.of(wanted));
    }

    /**
     * Asks the processor by CPUID, and by XGETBV which registers the system saves when it switches threads.
     *
     * @throws EngineFault RESOURCE where no machine code can be run
     */
    public static Processor here() {
        try (Arena arena = Arena.ofConfined()) {
            var asm = new Asm();
            emitCpuid(asm);
            int xgetbv = asm.position();
            emitXgetbv(asm);
            Code code = Code.load(asm.bytes(), arena);
            var ask = new Questions(code.at(0), code.at(xgetbv), arena.allocate(16));
            return new Processor(features(ask), ask.leaf(0, 0)[1] == GENUINE ? Fetching.NEAR : Fetching.FAR);
        }
    }

    /** {@code (leaf, subleaf, int[4] result)}; CPUID overwrites rbx, which a callee must keep. */
    private static void emitCpuid(Asm asm) {
        asm.push(Asm.RBX);
        asm.mov(Asm.R8, Asm.RDX);
        asm.mov(Asm.RAX, Asm.RDI);
        asm.mov(Asm.RCX, Asm.RSI);
        asm.cpuid();
        int[] results = {Asm.RAX, Asm.RBX, Asm.RCX, Asm.RDX};
        for (int i = 0; i < results.length; i++) {
            asm.store32(Mem.at(Asm.R8, 4 * i), results[i]);
        }
        asm.pop(Asm.RBX);
        asm.ret();
    }

    /** {@code (-, -, int[1] result)}. */
    private static void emitXgetbv(Asm asm) {
        asm.mov(Asm.R8, Asm.RDX);
        asm.constant(Asm.RCX, 0);
        asm.xgetbv();
        asm.store32(Mem.at(Asm.R8, 0), Asm.RAX);
        asm.ret();
    }

    private record Questions(Code.Kernel cpuid, Code.Kernel xgetbv, MemorySegment answer) {
        int[] leaf(int leaf, int subleaf) {
            cpuid.call(leaf, subleaf, answer.address(), 0, 0, 0);
            return answer.toArray(ValueLayout.JAVA_INT);
        }

        int savedRegisters() {
            xgetbv.call(0, 0, answer.address(), 0, 0, 0);
            return answer.get(ValueLayout.JAVA_INT, 0);
        }
    }

    /** Bits as in Intel's manual, volume 2, CPUID, and volume 1, section 13.3 (XCR0). */
    private static Set<Feature> features(Questions ask) {
        var found = EnumSet.noneOf(Feature.class);
        int[] leaf1 = ask.leaf(1, 0);
        if (ask.leaf(0, 0)[0] < 7 || !all(leaf1[2], 27)) {
            return found; // no XGETBV, so no AVX
        }
        int[] leaf7 = ask.leaf(7, 0);
        int[] more = leaf7[0] < 1 ? new int[4] : ask.leaf(7, 1);
        int saved = ask.savedRegisters();
        boolean ymm = all(saved, 1, 2);
        boolean zmm = ymm && all(saved, 5, 6, 7);
        boolean avx512 = zmm && all(leaf7[1], 16, 17, 30, 31);
        boolean tiles = all(saved, 17, 18) && all(leaf7[3], 24);
        note(found, Feature.AVX2, ymm && all(leaf7[1], 5) && all(leaf1[2], 12, 29));
        note(found, Feature.AVX_VNNI, ymm && all(more[0], 4));
        note(found, Feature.AVX512, avx512);
        note(found, Feature.AVX512_VNNI, avx512 && all(leaf7[2], 11));
        note(found, Feature.AVX512_BF16, avx512 && all(more[0], 5));
        note(found, Feature.AVX512_VBMI, avx512 && all(leaf7[2], 1));
        note(found, Feature.AVX512_FP16, avx512 && all(leaf7[3], 23));
        note(found, Feature.AMX_TILE, tiles);
        note(found, Feature.AMX_BF16, tiles && all(leaf7[3], 22));
        note(found, Feature.AMX_INT8, tiles && all(leaf7[3], 25));
        return found;
    }

    private static void note(Set<Feature> into, Feature feature, boolean there) {
        if (there) {
            into.add(feature);
        }
    }

    private static boolean all(int bits, int... wanted) {
        for (int bit : wanted) {
            if ((bits >>> bit & 1) == 0) {
                return false;
            }
        }
        return true;
    }
}
