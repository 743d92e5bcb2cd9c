package espalier.checkpoint.gguf;

import espalier.checkpoint.StoredTensor.Encoding;
import espalier.tensor.BlockFormat;
import espalier.tensor.DType;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The tensor types of GGUF by their numbers (ggml.h, enum ggml_type). */
final class GgufType {
    private static final Map<Integer, Encoding> KNOWN = Map.ofEntries(
            Map.entry(0, new Encoding.Plain(DType.F32)),
            Map.entry(1, new Encoding.Plain(DType.F16)),
            Map.entry(2, new Encoding.Blocks(BlockFormat.Q4_0)),
            Map.entry(3, new Encoding.Blocks(BlockFormat.Q4_1)),
            Map.entry(6, new Encoding.Blocks(BlockFormat.Q5_0)),
            Map.entry(7, new Encoding.Blocks(BlockFormat.Q5_1)),
            Map.entry(8, new Encoding.Blocks(BlockFormat.Q8_0)),
            Map.entry(10, new Encoding.Blocks(BlockFormat.Q2_K)),
            Map.entry(11, new Encoding.Blocks(BlockFormat.Q3_K)),
            Map.entry(12, new Encoding.Blocks(BlockFormat.Q4_K)),
            Map.entry(13, new Encoding.Blocks(BlockFormat.Q5_K)),
            Map.entry(14, new Encoding.Blocks(BlockFormat.Q6_K)),
            Map.entry(20, new Encoding.Blocks(BlockFormat.IQ4_NL)),
            Map.entry(30, new Encoding.Plain(DType.BF16)));

    /** What a message calls those that are not read. */
    private static final Map<Integer, String> OTHERS = Map.ofEntries(
            Map.entry(9, "Q8_1"),
            Map.entry(15, "Q8_K"),
            Map.entry(16, "IQ2_XXS"),
            Map.entry(17, "IQ2_XS"),
            Map.entry(18, "IQ3_XXS"),
            Map.entry(19, "IQ1_S"),
            Map.entry(21, "IQ3_S"),
            Map.entry(22, "IQ2_S"),
            Map.entry(23, "IQ4_XS"),
            Map.entry(24, "I8"),
            Map.entry(25, "I16"),
            Map.entry(26, "I32"),
            Map.entry(27, "I64"),
            Map.entry(28, "F64"),
            Map.entry(29, "IQ1_M"),
            Map.entry(34, "TQ1_0"),
            Map.entry(35, "TQ2_0"),
            Map.entry(39, "MXFP4"));

    private GgufType() {}

    /** Null for a type that is not read. */
    static @Nullable Encoding of(int number) {
        return KNOWN.get(number);
    }

    static String nameOf(int number) {
        String name = OTHERS.get(number);
        return name == null ? "type " + Integer.toUnsignedString(number) : name + " (type " + number + ")";
    }

    static String known() {
        return new TreeMap<>(KNOWN).values().stream().map(Encoding::toString).collect(Collectors.joining(", "));
    }
}
