package espalier.launch;

import espalier.tensor.KvType;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What an engine computes by: the facts that a measurement of it has to name.
 *
 * @param threads of the host that compute, of all ranks together; 0 where a device computes by itself
 * @param weights what the matrices that it multiplies by are stored as, the most bytes first
 */
public record Makeup(String device, int ranks, int threads, KvType kvType, List<Weights> weights) {
    public Makeup {
        weights = List.copyOf(weights);
    }

    /**
     * The matrices of one format.
     *
     * @param kernels what multiplies by them, in the device's words; empty where it has but one way
     * @param bytes of one rank as they are stored
     */
    public record Weights(String format, String kernels, long bytes) {}

    /**
     * Adds matrices up by their format and what multiplies by them.
     *
     * @param kernels as {@link espalier.tensor.Device#kernels} has them
     */
    static List<Weights> weights(List<Matrix> stored, Function<Matrix, String> kernels) {
        Map<List<String>, Long> bytes = stored.stream()
                .flatMap(Makeup::parts)
                .collect(Collectors.groupingBy(
                        part -> List.of(format(part), kernels.apply(part)), Collectors.summingLong(Matrix::bytes)));
        return bytes.entrySet().stream()
                .map(sum -> new Weights(sum.getKey().getFirst(), sum.getKey().getLast(), sum.getValue()))
                .sorted(Comparator.comparingLong(Weights::bytes).reversed().thenComparing(Weights::format))
                .toList();
    }

    private static Stream<Matrix> parts(Matrix stored) {
        return stored instanceof Matrix.Stacked(var parts) ? parts.stream().flatMap(Makeup::parts) : Stream.of(stored);
    }

    private static String format(Matrix part) {
        return switch (part) {
            case Matrix.Dense(Tensor values) -> values.dtype().name();
            case Matrix.Blocks blocks -> blocks.format().name();
            case Matrix.Stacked _, Matrix.Prepared _ ->
                throw new IllegalArgumentException("no format of its own: " + part);
        };
    }
}
