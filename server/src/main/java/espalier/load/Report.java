package espalier.load;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The figures of a benchmark under the names that SGLang's client gives them. */
public final class Report {
    private final String title;
    private final Map<String, @Nullable Object> figures;
    private final List<String> errors;
    private final List<Outcome> served;

    private Report(String title, Map<String, @Nullable Object> figures, List<Outcome> served, List<String> errors) {
        this.served = served;
        this.title = title;
        this.figures = figures;
        this.errors = errors;
    }

    static Report of(String title, Map<String, Object> setting, List<Outcome> outcomes, long nanos) {
        var served = outcomes.stream().filter(o -> o.error() == null).toList();
        double seconds = nanos / 1e9;
        long in = served.stream().mapToLong(Outcome::inputTokens).sum();
        Long cached = cached(served);
        long out = served.stream().mapToLong(Outcome::outputTokens).sum();
        var f = new LinkedHashMap<String, @Nullable Object>(setting);
        f.put("duration", round(seconds));
        f.put("completed", served.size());
        f.put("failed", outcomes.size() - served.size());
        f.put("total_input_tokens", in);
        f.put("cached_input_tokens", cached);
        f.put("cached_share", cached == null ? null : round((double) cached / in));
        f.put("total_output_tokens", out);
        long guessed = served.stream()
                .filter(o -> o.counted() == Outcome.Counted.BY_EVENTS)
                .count();
        if (guessed > 0) {
            f.put("answers_counted_by_events", guessed);
        }
        f.put("request_throughput", round(served.size() / seconds));
        f.put("input_throughput", round(in / seconds));
        f.put("output_throughput", round(out / seconds));
        f.put("total_throughput", round((in + out) / seconds));
        f.put(
                "concurrency",
                round(served.stream().mapToDouble(Outcome::latencyMillis).sum() / 1e3 / seconds));
        spread(f, "e2e_latency", served.stream().mapToDouble(Outcome::latencyMillis));
        spread(f, "ttft", served.stream().mapToDouble(Outcome::timeToFirstMillis));
        spread(f, "tpot", served.stream().mapToDouble(Outcome::timePerTokenMillis));
        spread(f, "itl", served.stream().flatMapToDouble(Report::gaps));
        var errors = outcomes.stream()
                .flatMap(o -> Stream.ofNullable(o.error()))
                .distinct()
                .toList();
        return new Report(title, f, served, errors);
    }

    /** With further figures behind its own. */
    Report with(Map<String, Double> more) {
        var all = new LinkedHashMap<String, @Nullable Object>(figures);
        more.forEach((name, value) -> all.put(name, round(value)));
        return new Report(title, all, served, errors);
    }

    /** For the JSON line; the names are SGLang's. What is not known is null. */
    public Map<String, @Nullable Object> figures() {
        return java.util.Collections.unmodifiableMap(figures);
    }

    /** Whether any request was served: a table of failures measures nothing. */
    public boolean hasServed() {
        return figures.get("completed") instanceof Integer served && served > 0;
    }

    /** An SVG: which share of the requests had its first token, and was done, within how many milliseconds. */
    public String plot() {
        var shares = IntStream.rangeClosed(1, 20).map(step -> 5 * step).boxed().toList();
        var lines = List.of(
                new LineChart.Line("time to first token", percentiles(shares, Outcome::timeToFirstMillis)),
                new LineChart.Line("whole request", percentiles(shares, Outcome::latencyMillis)));
        return new LineChart(
                        title + ": " + figures.get("output_throughput") + " output tokens a second",
                        "percent of the requests",
                        "ms",
                        shares.stream().map(String::valueOf).toList(),
                        lines)
                .svg();
    }

    private List<Double> percentiles(List<Integer> shares, ToDoubleFunction<Outcome> of) {
        double[] sorted = served.stream()
                .mapToDouble(of)
                .filter(Double::isFinite)
                .sorted()
                .toArray();
        return shares.stream().map(share -> percentile(sorted, share / 100.0)).toList();
    }

    /** The readable table. */
    public void print(PrintStream out) {
        String head = " " + title + " ";
        int side = Math.max(0, (50 - head.length()) / 2);
        out.println("=".repeat(side) + head + "=".repeat(50 - head.length() - side));
        figures.forEach((name, value) -> {
            out.printf("%-34s %15s%n", name, shown(value));
        });
        out.println("=".repeat(50));
        if (figures.containsKey("answers_counted_by_events")) {
            out.println(
                    "answers_counted_by_events: the server told no usage of them, and each event is taken for a token");
        }
        errors.stream().limit(3).forEach(e -> out.println("error: " + e));
    }

    private static String shown(@Nullable Object value) {
        return switch (value) {
            case null -> "n/a";
            case Double d -> String.format(Locale.ROOT, "%.2f", d);
            default -> value.toString();
        };
    }

    /** Null where no answer told it. Servers that tell it may leave out a zero. */
    private static @Nullable Long cached(List<Outcome> served) {
        var told = served.stream()
                .flatMap(o -> Stream.ofNullable(o.cachedTokens()))
                .toList();
        return told.isEmpty()
                ? null
                : told.stream().mapToLong(Integer::longValue).sum();
    }

    private static DoubleStream gaps(Outcome o) {
        long[] t = o.tokenTimes();
        return IntStream.range(1, t.length).mapToDouble(i -> (t[i] - t[i - 1]) / 1e6);
    }

    private static void spread(Map<String, @Nullable Object> f, String name, DoubleStream values) {
        double[] v = values.filter(Double::isFinite).sorted().toArray();
        f.put("mean_" + name + "_ms", round(Arrays.stream(v).average().orElse(Double.NaN)));
        f.put("median_" + name + "_ms", round(percentile(v, 0.5)));
        f.put("p99_" + name + "_ms", round(percentile(v, 0.99)));
    }

    /** Linear between the two nearest ranks, as numpy does it; NaN of nothing. */
    public static double percentile(double[] sorted, double share) {
        if (sorted.length == 0) {
            return Double.NaN;
        }
        double at = share * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    /** Null for what cannot be told: a mean of nothing, a share of nothing. */
    private static @Nullable Double round(double value) {
        return Double.isFinite(value) ? Math.round(value * 1e4) / 1e4 : null;
    }
}
