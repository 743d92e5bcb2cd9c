package espalier.cpu;

import espalier.tensor.DType;
import espalier.tensor.Matrix;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What the log of a start says of a model's weights: each format that it has, what multiplies it, and why that does. */
final class ProductLog {
    static final String VECTORS = Selection.Kernels.VECTORS.path();

    private final Selection selection;
    private final TreeMap<String, TreeSet<String>> formatsByReason = new TreeMap<>();
    private final TreeSet<String> advice = new TreeSet<>();

    ProductLog(Selection selection) {
        this.selection = selection;
    }

    /** A matrix was prepared for {@code product}, or left as it is stored. */
    synchronized void add(Matrix stored, @Nullable Product product) {
        switch (stored) {
            case Matrix.Stacked(var parts) -> parts.forEach(part -> add(part, product));
            case Matrix.Dense(var values) -> add(stored, rounded(values.dtype(), product), product);
            case Matrix.Blocks b -> add(stored, b.format().toString(), product);
            case Matrix.Prepared _ -> {}
        }
    }

    /** Kernels for numbers of 16 bits know bf16 alone. */
    private static String rounded(DType type, @Nullable Product product) {
        return type == DType.F16 && product != null ? "F16 (rounded to BF16)" : type.toString();
    }

    private void add(Matrix stored, String format, @Nullable Product product) {
        var kind = Selection.Kind.of(stored);
        String path = product == null ? VECTORS : product.path();
        formatsByReason
                .computeIfAbsent(path + ": " + selection.reason(kind), _ -> new TreeSet<>())
                .add(format);
        if (!selection.advice(kind).isEmpty()) {
            advice.add("warning: " + selection.advice(kind));
        }
    }

    synchronized List<String> lines() {
        var lines = new ArrayList<String>();
        formatsByReason.forEach(
                (reason, formats) -> lines.add("weights: " + String.join(", ", formats) + " by " + reason));
        lines.addAll(advice);
        return lines;
    }
}
