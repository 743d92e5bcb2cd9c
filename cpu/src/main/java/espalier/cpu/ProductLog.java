package espalier.cpu;

import espalier.tensor.DType;
import espalier.tensor.DeviceProvider.Aim;
import espalier.tensor.Matrix;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What the log of a start says of a model's weights: each format that it has, what multiplies it, and why that does. */
final class ProductLog {
    static final String VECTORS = "the Vector API in f32";

    private static final String LATENCY = "; --cpu-kernels latency is faster for a single one";

    private final Reasons reasons;
    private final String advice;
    private final TreeMap<String, TreeSet<String>> formatsByPath = new TreeMap<>();

    /** @param advice where {@link #VECTORS} multiply; may be empty */
    ProductLog(Reasons reasons, String advice) {
        this.reasons = reasons;
        this.advice = advice;
    }

    /**
     * Why products are what they are.
     *
     * @param wish a flag that the user gave; empty where the choice was ours
     * @param missing what keeps machine code off this machine, or the better of it
     * @param machineCode whether there is any
     */
    record Reasons(String wish, List<String> missing, Aim aim, MachineCode machineCode) {
        /** Whether there are kernels at all. */
        enum MachineCode {
            FOUND,
            NONE
        }

        private String of(String path) {
            String why = String.join("; ", missing);
            if (path.equals(VECTORS) && machineCode == MachineCode.FOUND) {
                return "no machine code takes " + (why.isEmpty() ? "it" : "it, since " + why);
            }
            if (!wish.isEmpty()) {
                return "as " + wish + " wants";
            }
            if (!why.isEmpty()) {
                return why;
            }
            String fastest = "the fastest that this processor has for ";
            return switch (aim) {
                case LATENCY -> fastest + "a single sequence";
                case THROUGHPUT -> fastest + "many sequences" + (path.startsWith("AMX, as") ? LATENCY : "");
            };
        }
    }

    /** A matrix was prepared for {@code product}, or left as it is stored. */
    synchronized void add(Matrix stored, @Nullable Product product) {
        switch (stored) {
            case Matrix.Stacked(var parts) -> parts.forEach(part -> add(part, product));
            case Matrix.Dense(var values) -> add(rounded(values.dtype(), product), product);
            case Matrix.Blocks b -> add(b.format().toString(), product);
            case Matrix.Prepared _ -> {}
        }
    }

    /** Kernels for numbers of 16 bits know bf16 alone. */
    private static String rounded(DType type, @Nullable Product product) {
        return type == DType.F16 && product != null ? "F16 (rounded to BF16)" : type.toString();
    }

    private void add(String format, @Nullable Product product) {
        String path = product == null ? VECTORS : product.path();
        formatsByPath.computeIfAbsent(path, _ -> new TreeSet<>()).add(format);
    }

    synchronized List<String> lines() {
        var lines = new ArrayList<String>();
        formatsByPath.forEach((path, formats) ->
                lines.add("weights: " + String.join(", ", formats) + " by " + path + ": " + reasons.of(path)));
        if (formatsByPath.containsKey(VECTORS) && !advice.isEmpty()) {
            lines.add("warning: " + advice);
        }
        return lines;
    }
}
