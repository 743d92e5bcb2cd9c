package espalier.cpu;

import espalier.api.EngineFault;
import espalier.cpu.jit.ExpandingKernels;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.Processor.Feature;
import espalier.tensor.BlockFormat;
import espalier.tensor.DeviceProvider.Aim;
import espalier.tensor.DeviceProvider.Cpu;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Settings;
import espalier.tensor.Matrix;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What multiplies by each kind of weights, and what keeps better kernels away from it. This only decides: nothing is
 * emitted, so that any processor may be asked about on any other. Kernels are offered the better first, and a kind keeps
 * the first that this processor has; what the ones before it lack is the reason that the log of a start gives.
 */
final class Selection {
    /** Weights that the same kernels take. */
    enum Kind {
        /** bf16, and f16 rounded to it. */
        HALVES,
        /** Blocks with a scale for every few numbers. */
        GROUPS,
        /** Bytes with one scale a row. */
        ROWS,
        /** f32, which no machine code multiplies by. */
        FLOATS;

        /** Of a matrix that is neither stacked nor prepared. */
        static Kind of(Matrix stored) {
            return switch (stored) {
                case Matrix.Dense(var values) -> Packing.isSplit(values.dtype()) ? HALVES : FLOATS;
                case Matrix.Blocks b -> b.format() == BlockFormat.INT8_ROW ? ROWS : GROUPS;
                case Matrix.Stacked _, Matrix.Prepared _ -> throw new IllegalArgumentException("several matrices");
            };
        }
    }

    /** Kernels, by the names that the log gives them. */
    enum Kernels {
        AMX("AMX"),
        AMX_EXPANDED("AMX, as bf16"),
        AVX512_BF16("AVX-512 BF16"),
        AVX512_GROUPS("AVX-512 VNNI"),
        AVX512_ROWS("AVX-512 VNNI"),
        AVX512_ROWS_AND_TILES("AVX-512 VNNI, and AMX for many rows"),
        AVX2_GROUPS("AVX2"),
        AVX2_ROWS("AVX2"),
        VECTORS("the Vector API in f32");

        private final String path;

        Kernels(String path) {
            this.path = path;
        }

        String path() {
            return path;
        }
    }

    private final String wish;
    private final Cpu cpu;
    private final String obstacle;
    private final Map<Kind, Kernels> kernels = new EnumMap<>(Kind.class);
    private final Map<Kind, List<String>> missing = new EnumMap<>(Kind.class);

    private Selection(Settings settings, String obstacle) {
        cpu = settings.cpu();
        this.obstacle = obstacle;
        wish = switch (settings.products()) {
            case FLOAT32 -> "--dtype float32";
            case FASTEST -> cpu.kernels() == CpuKernels.AUTO ? "" : "--cpu-kernels " + name(cpu.kernels());
        };
    }

    /** Without machine code of ours: nobody wants it, or {@code obstacle} says why it cannot be run. */
    static Selection withoutCode(Settings settings, String obstacle) {
        var selection = new Selection(settings, obstacle);
        if (!obstacle.isEmpty() && selection.wish.isEmpty()) {
            for (Kind kind : Kind.values()) {
                selection.lacks(kind, obstacle);
            }
        }
        return selection;
    }

    /**
     * What a processor's machine code takes.
     *
     * @param settings that want machine code
     * @param tiles why the processor's tiles of bf16 cannot be used; empty if they can
     * @throws EngineFault RESOURCE if the settings name instructions that it has not
     */
    static Selection of(Settings settings, Processor processor, String tiles) {
        var selection = new Selection(settings, "");
        switch (settings.cpu().kernels()) {
            case AUTO -> {
                selection.offerTiles(processor, tiles);
                selection.offerWide(processor, tiles);
                selection.offerNarrow(processor);
            }
            case AMX -> {
                require(CpuKernels.AMX, tiles);
                selection.offerTiles(processor, tiles);
                selection.offerWide(processor, tiles); // for what tiles do not take
                selection.offerNarrow(processor);
            }
            case AVX512 -> {
                boolean any = processor.has(Feature.AVX512_BF16) || processor.has(Feature.AVX512_VNNI);
                require(CpuKernels.AVX512, any ? "" : "the processor has neither AVX-512 BF16 nor AVX-512 VNNI");
                selection.offerWide(processor, "--cpu-kernels avx512 uses no AMX");
            }
            case AVX2 -> {
                require(CpuKernels.AVX2, lacking(processor, Feature.AVX2, "AVX2"));
                selection.lacks(Kind.HALVES, "AVX2 has no products of bf16");
                selection.offerNarrow(processor);
            }
            case VECTOR -> {}
        }
        return selection;
    }

    /** Only kernels that were asked for by their name are a fault where they are missing. */
    static void require(CpuKernels wanted, String obstacle) {
        if (!obstacle.isEmpty()) {
            throw new EngineFault(EngineFault.Code.RESOURCE, "--cpu-kernels " + name(wanted) + ": " + obstacle);
        }
    }

    private static String name(CpuKernels kernels) {
        return kernels.name().toLowerCase(Locale.ROOT);
    }

    private void offerTiles(Processor processor, String tiles) {
        offer(Kind.HALVES, Kernels.AMX, tiles);
        boolean integersAreBetter = cpu.aim() == Aim.LATENCY && processor.has(Feature.AVX512_VNNI);
        if (!integersAreBetter) {
            String other = ExpandingKernels.suits(processor) ? "" : "the processor has no AVX-512 FP16";
            offer(Kind.GROUPS, Kernels.AMX_EXPANDED, tiles.isEmpty() ? other : tiles);
        }
    }

    private void offerWide(Processor processor, String tiles) {
        offer(Kind.HALVES, Kernels.AVX512_BF16, lacking(processor, Feature.AVX512_BF16, "AVX-512 BF16"));
        String bytes = lacking(processor, Feature.AVX512_VNNI, "AVX-512 VNNI");
        offer(Kind.GROUPS, Kernels.AVX512_GROUPS, bytes);
        if (bytes.isEmpty()) {
            String tilesOfBytes = lacking(processor, Feature.AMX_INT8, "AMX for int8");
            offer(Kind.ROWS, Kernels.AVX512_ROWS_AND_TILES, tiles.isEmpty() ? tilesOfBytes : tiles);
        }
        offer(Kind.ROWS, Kernels.AVX512_ROWS, bytes);
    }

    private void offerNarrow(Processor processor) {
        String obstacle = lacking(processor, Feature.AVX2, "AVX2");
        offer(Kind.GROUPS, Kernels.AVX2_GROUPS, obstacle);
        offer(Kind.ROWS, Kernels.AVX2_ROWS, obstacle);
    }

    private static String lacking(Processor processor, Feature feature, String name) {
        return processor.has(feature) ? "" : "the processor has no " + name;
    }

    /** To a kind that has none yet. */
    private void offer(Kind kind, Kernels those, String obstacle) {
        if (kernels.containsKey(kind)) {
            return;
        }
        if (obstacle.isEmpty()) {
            kernels.put(kind, those);
        } else {
            lacks(kind, obstacle);
        }
    }

    private void lacks(Kind kind, String what) {
        missing.computeIfAbsent(kind, _ -> new ArrayList<>()).add(what);
    }

    Kernels kernels(Kind kind) {
        return kernels.getOrDefault(kind, Kernels.VECTORS);
    }

    /** Why a kind has these kernels. */
    String reason(Kind kind) {
        String why = String.join("; ", missing.getOrDefault(kind, List.of()));
        if (kernels(kind) == Kernels.VECTORS && wish.isEmpty() && !obstacle.isEmpty()) {
            return why;
        }
        if (kernels(kind) == Kernels.VECTORS && (wish.isEmpty() || !kernels.isEmpty())) {
            return "no machine code takes it" + (why.isEmpty() ? "" : ", since " + why);
        }
        if (!wish.isEmpty()) {
            return "as " + wish + " wants";
        }
        if (!why.isEmpty()) {
            return why;
        }
        String fastest = "the fastest that this processor has for ";
        return switch (cpu.aim()) {
            case LATENCY -> fastest + "a single sequence";
            case THROUGHPUT ->
                fastest + "many sequences"
                        + (kernels(kind) == Kernels.AMX_EXPANDED
                                ? "; --cpu-kernels latency is faster for a single one"
                                : "");
        };
    }

    /** What makes products with a kind that a model has faster; empty if nothing does. */
    String advice(Kind kind) {
        if (kernels(kind) != Kernels.VECTORS) {
            return "";
        }
        if (wish.equals("--cpu-kernels " + name(CpuKernels.VECTOR)) && obstacle.isEmpty()) {
            return "machine code is several times faster for prompts and many sequences; it is chosen without "
                    + "--cpu-kernels";
        }
        if (!wish.isEmpty()) {
            return "";
        }
        if (kernels.isEmpty()) {
            return "weights of 8 or 4 bits decode fastest by the Vector API, f16 slowest: --quantization int8 or int4";
        }
        return kind == Kind.HALVES
                ? "this processor has machine code for weights of 8 and 4 bits, and none for those of 16: "
                        + "--quantization int8 or int4"
                : "";
    }
}
