package espalier.cpu;

import static espalier.cpu.jit.Processor.Feature.AMX_BF16;
import static espalier.cpu.jit.Processor.Feature.AMX_INT8;
import static espalier.cpu.jit.Processor.Feature.AMX_TILE;
import static espalier.cpu.jit.Processor.Feature.AVX2;
import static espalier.cpu.jit.Processor.Feature.AVX512;
import static espalier.cpu.jit.Processor.Feature.AVX512_BF16;
import static espalier.cpu.jit.Processor.Feature.AVX512_FP16;
import static espalier.cpu.jit.Processor.Feature.AVX512_VNNI;
import static espalier.cpu.jit.Processor.Feature.AVX_VNNI;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.cpu.Selection.Kind;
import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.Fetching;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.Processor.Feature;
import espalier.tensor.DeviceProvider.Aim;
import espalier.tensor.DeviceProvider.Cpu;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Products;
import espalier.tensor.DeviceProvider.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which kernels each processor's products are, and what the log says of them, on processors that are made up. */
class SelectionTest {
    private static final Set<Feature> ICE_LAKE = Set.of(AVX2, AVX512, AVX512_VNNI);
    private static final Set<Feature> ZEN_4 = Set.of(AVX2, AVX512, AVX512_VNNI, AVX512_BF16);
    private static final Set<Feature> TILES_WITHOUT_FP16 =
            Set.of(AVX2, AVX512, AVX512_VNNI, AVX512_BF16, AMX_TILE, AMX_BF16, AMX_INT8);
    private static final Set<Feature> SAPPHIRE_RAPIDS =
            Set.of(AVX2, AVX512, AVX512_VNNI, AVX512_BF16, AVX512_FP16, AMX_TILE, AMX_BF16, AMX_INT8);

    private record Row(String name, Set<Feature> features) {}

    private static final List<Row> PROCESSORS = List.of(
            new Row("none of them", Set.of()),
            new Row("AVX2", Set.of(AVX2)),
            new Row("AVX2 and AVX-VNNI (Alder Lake)", Set.of(AVX2, AVX_VNNI)),
            new Row("AVX-512 (Skylake-X)", Set.of(AVX2, AVX512)),
            new Row("and VNNI (Cascade Lake, Ice Lake)", ICE_LAKE),
            new Row("and BF16 (Zen 4)", ZEN_4),
            new Row("and AMX, without FP16", TILES_WITHOUT_FP16),
            new Row("and FP16 (Sapphire Rapids)", SAPPHIRE_RAPIDS));

    private static Settings settings(CpuKernels kernels, Aim aim) {
        var usual = new Settings(1, 1);
        return new Settings(1, 1, Products.FASTEST, new Cpu(kernels, aim), usual.gpu());
    }

    private static Selection selection(Set<Feature> features, CpuKernels kernels, Aim aim) {
        var processor = new Processor(features, Fetching.FAR);
        return Selection.of(settings(kernels, aim), processor, AmxKernels.obstacle(processor, () -> ""));
    }

    private static Selection automatic(Set<Feature> features) {
        return selection(features, CpuKernels.AUTO, Aim.THROUGHPUT);
    }

    @Test
    void theTableOfTheDocumentIsWhatIsChosen() throws IOException {
        var lines = new ArrayList<String>();
        for (Row row : PROCESSORS) {
            Selection many = automatic(row.features);
            Selection one = selection(row.features, CpuKernels.AUTO, Aim.LATENCY);
            for (Kind kind : List.of(Kind.HALVES, Kind.ROWS, Kind.FLOATS)) {
                assertThat(one.kernels(kind)).as(row.name).isEqualTo(many.kernels(kind));
            }
            assertThat(many.kernels(Kind.FLOATS)).isEqualTo(Selection.Kernels.VECTORS);
            lines.add("| " + row.name + " | " + cell(many, Kind.HALVES) + " | " + cell(many, Kind.GROUPS) + " | "
                    + cell(one, Kind.GROUPS) + " | " + cell(many, Kind.ROWS) + " |\n");
        }
        String document = Files.readString(Path.of(System.getProperty("espalier.root"), "docs", "architecture.md"));
        assertThat(document).contains(String.join("", lines));
    }

    private static String cell(Selection selection, Kind kind) {
        return selection.kernels(kind).path().replaceAll("^the | in f32$", "");
    }

    @Test
    void aReasonNamesWhatTheFormatLacksAndNothingElse() {
        assertThat(automatic(ICE_LAKE).reason(Kind.HALVES))
                .isEqualTo("no machine code takes it, since the processor has no AMX for bf16; "
                        + "the processor has no AVX-512 BF16");
        assertThat(automatic(ZEN_4).reason(Kind.HALVES)).isEqualTo("the processor has no AMX for bf16");
        assertThat(automatic(Set.of(AVX2, AVX512)).reason(Kind.GROUPS))
                .isEqualTo("the processor has no AMX for bf16; the processor has no AVX-512 VNNI");
        assertThat(automatic(Set.of(AVX2, AVX512)).reason(Kind.ROWS)).isEqualTo("the processor has no AVX-512 VNNI");
        assertThat(automatic(TILES_WITHOUT_FP16).reason(Kind.GROUPS)).isEqualTo("the processor has no AVX-512 FP16");
        assertThat(automatic(SAPPHIRE_RAPIDS).reason(Kind.GROUPS))
                .isEqualTo("the fastest that this processor has for many sequences; "
                        + "--cpu-kernels latency is faster for a single one");
        for (Set<Feature> each : List.of(ZEN_4, SAPPHIRE_RAPIDS)) {
            assertThat(selection(each, CpuKernels.AUTO, Aim.LATENCY).reason(Kind.GROUPS))
                    .isEqualTo("the fastest that this processor has for a single sequence");
        }
        assertThat(automatic(Set.of()).reason(Kind.ROWS)).endsWith("has no AVX-512 VNNI; the processor has no AVX2");
        for (Row row : PROCESSORS) {
            assertThat(automatic(row.features).reason(Kind.FLOATS)).isEqualTo("no machine code takes it");
        }
    }

    @Test
    void tilesThatTheSystemKeepsBackAreBlamedOnTheSystem() {
        var processor = new Processor(SAPPHIRE_RAPIDS, Fetching.NEAR);
        Selection kept = Selection.of(settings(CpuKernels.AUTO, Aim.THROUGHPUT), processor, "no leave to use AMX");
        assertThat(kept.kernels(Kind.HALVES)).isEqualTo(Selection.Kernels.AVX512_BF16);
        assertThat(kept.kernels(Kind.GROUPS)).isEqualTo(Selection.Kernels.AVX512_GROUPS);
        assertThat(kept.kernels(Kind.ROWS)).isEqualTo(Selection.Kernels.AVX512_ROWS);
        for (Kind kind : List.of(Kind.HALVES, Kind.GROUPS, Kind.ROWS)) {
            assertThat(kept.reason(kind)).isEqualTo("no leave to use AMX");
        }
    }

    @Test
    void adviceIsToQuantiseWhereThatHasMachineCodeAnd16BitsHaveNone() {
        assertThat(automatic(ICE_LAKE).advice(Kind.HALVES)).contains("--quantization int8 or int4");
        assertThat(automatic(Set.of(AVX2)).advice(Kind.HALVES)).contains("--quantization int8 or int4");
        assertThat(automatic(ICE_LAKE).advice(Kind.GROUPS)).isEmpty();
        assertThat(automatic(ICE_LAKE).advice(Kind.FLOATS)).isEmpty();
        assertThat(automatic(ZEN_4).advice(Kind.HALVES)).isEmpty();
        assertThat(automatic(Set.of()).advice(Kind.GROUPS)).contains("by the Vector API");
        assertThat(selection(ICE_LAKE, CpuKernels.AVX512, Aim.THROUGHPUT).advice(Kind.HALVES))
                .isEmpty();
    }

    @Test
    void aFlagThatNamesKernelsGetsThoseAndNoBetterOnes() {
        Selection avx512 = selection(SAPPHIRE_RAPIDS, CpuKernels.AVX512, Aim.THROUGHPUT);
        assertThat(avx512.kernels(Kind.HALVES)).isEqualTo(Selection.Kernels.AVX512_BF16);
        assertThat(avx512.kernels(Kind.GROUPS)).isEqualTo(Selection.Kernels.AVX512_GROUPS);
        assertThat(avx512.kernels(Kind.ROWS)).isEqualTo(Selection.Kernels.AVX512_ROWS);
        assertThat(avx512.reason(Kind.ROWS)).isEqualTo("as --cpu-kernels avx512 wants");
        Selection avx2 = selection(SAPPHIRE_RAPIDS, CpuKernels.AVX2, Aim.THROUGHPUT);
        assertThat(avx2.kernels(Kind.GROUPS)).isEqualTo(Selection.Kernels.AVX2_GROUPS);
        assertThat(avx2.kernels(Kind.ROWS)).isEqualTo(Selection.Kernels.AVX2_ROWS);
        assertThat(avx2.reason(Kind.HALVES)).isEqualTo("no machine code takes it, since AVX2 has no products of bf16");
        Selection half = selection(ICE_LAKE, CpuKernels.AVX512, Aim.THROUGHPUT);
        assertThat(half.reason(Kind.HALVES))
                .isEqualTo("no machine code takes it, since the processor has no AVX-512 BF16");
    }

    @Test
    void aFlagThatNamesKernelsIsRefusedWhereThereAreNone() {
        refused(ZEN_4, CpuKernels.AMX, "--cpu-kernels amx: the processor has no AMX for bf16");
        refused(Set.of(AVX2, AVX512), CpuKernels.AVX512, "--cpu-kernels avx512: the processor has neither");
        refused(Set.of(), CpuKernels.AVX2, "--cpu-kernels avx2: the processor has no AVX2");
    }

    private static void refused(Set<Feature> features, CpuKernels kernels, String message) {
        assertThatThrownBy(() -> selection(features, kernels, Aim.THROUGHPUT))
                .isInstanceOf(EngineFault.class)
                .hasMessageStartingWith(message);
    }
}
