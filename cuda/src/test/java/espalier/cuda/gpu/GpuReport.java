package espalier.cuda.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Makes {@code gpu.json} of what the other stages wrote into a folder: one object a measure, with its bar, what SGLang
 * 0.5.17 and vLLM 0.26.0 reach on an H200, and the floor. {@code OUT}
 *
 * <p>{@code bar} is scaled to the card ({@link GpuFloors}); {@code bar_as_set} is the H200's.
 */
public final class GpuReport {
    private static final String LOWER = "lower";
    private static final String HIGHER = "higher";

    private final JsonMapper json = new JsonMapper();
    private final Path folder;
    private final Map<String, List<Double>> values = new HashMap<>();
    private final List<Map<String, Object>> rows = new ArrayList<>();
    private String device = "";
    private GpuFloors floors = new GpuFloors(0, Map.of());

    private GpuReport(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] args) throws IOException {
        var report = new GpuReport(Path.of(args[0]));
        report.read();
        report.table();
        report.write();
    }

    /** What a measure is held against; {@code cost} tells what it takes on a card, by which the bar scales. */
    private record Bar(
            String unit,
            String better,
            @Nullable Double bar,
            @Nullable Double sglang,
            @Nullable Double vllm,
            @Nullable ToDoubleFunction<GpuFloors> cost) {
        static Bar lower(String unit, double bar, Double sglang, Double vllm, ToDoubleFunction<GpuFloors> cost) {
            return new Bar(unit, LOWER, bar, sglang, vllm, cost);
        }

        static Bar higher(String unit, double bar, Double sglang, Double vllm, ToDoubleFunction<GpuFloors> cost) {
            return new Bar(unit, HIGHER, bar, sglang, vllm, cost);
        }

        static Bar none(String unit, String better) {
            return new Bar(unit, better, null, null, null, null);
        }
    }

    private List<JsonNode> lines(String file) throws IOException {
        Path path = folder.resolve(file);
        var all = new ArrayList<JsonNode>();
        if (Files.exists(path)) {
            Files.readAllLines(path).forEach(line -> all.add(json.readTree(line)));
        }
        return all;
    }

    private void read() throws IOException {
        for (JsonNode line : lines("engine.jsonl")) {
            String name =
                    line.path("stage").asString() + "/" + line.path("measure").asString();
            if (line.path("value").isNumber()) {
                put(name, line.path("value").asDouble());
            } else if (name.equals("card/device")) {
                device = line.path("value").asString();
            }
        }
        for (JsonNode line : lines("kernels-time.jsonl")) {
            for (JsonNode timing : line.path("timings")) {
                for (String unit : List.of("us", "GB/s", "TFLOP/s")) {
                    if (timing.has(unit)) {
                        put(
                                "time/" + timing.path("what").asString() + ": " + unit,
                                timing.path(unit).asDouble());
                    }
                }
            }
        }
        List<JsonNode> serving = lines("serving.jsonl");
        for (JsonNode line : serving.subList(Math.min(1, serving.size()), serving.size())) { // the first is the warm-up
            for (String field : List.of("output_throughput", "mean_ttft_ms", "mean_itl_ms", "p99_itl_ms")) {
                put("serving/" + field, line.path(field).asDouble());
            }
        }
        var products = new HashMap<String, Double>();
        values.forEach((name, all) -> products.put(name.replaceFirst("^card/", ""), median(all)));
        floors = new GpuFloors(products.getOrDefault("device copy", 0.0), Map.copyOf(products));
    }

    private void put(String name, double value) {
        values.computeIfAbsent(name, _ -> new ArrayList<>()).add(value);
    }

    private static double median(List<Double> all) {
        double[] sorted = all.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        return sorted[sorted.length / 2];
    }

    private void table() {
        if (floors.isWhole()) {
            System.out.printf(
                    Locale.ROOT,
                    "the card beside the one that the bars were set on: copies take %.3f of the time, products of prompts %.3f%n",
                    floors.copy() / GpuFloors.OF_THE_BARS.copy(),
                    floors.prompt(1) / GpuFloors.OF_THE_BARS.prompt(1));
        }
        decodeAndPrefill();
        loads();
        row("card/device copy", "the card's own copies", Bar.none("GB/s", HIGHER));
        row("ready/ready", "start to first token, 8B dummy, second start", Bar.lower("s", 10, 54.0, 48.0, null));
        row("bench/device busy", "device busy in steady decode, batch 64", Bar.higher("%", 98, null, null, null));
        for (String what : List.of("decode1", "decode64", "decode256")) {
            row("bench-alike/" + what, "deterministic mode: " + what, Bar.none("ms a step", LOWER));
            cost(what);
        }
        row("bench-alike/offline", "deterministic mode: offline", Bar.none("output tokens/s", HIGHER));
        kernels();
    }

    private void decodeAndPrefill() {
        row("bench/decode1", "decode, batch 1", Bar.lower("ms a step", 3.8, 4.8, 4.95, f -> f.decode(1, 256)));
        row(
                "bench/decode64",
                "decode, batch 64 at about 1,100 tokens",
                Bar.lower("ms a step", 6.4, 7.68, 7.75, f -> f.decode(64, 1100)));
        row(
                "bench/decode256",
                "decode, batch 256 at about 590 tokens",
                Bar.lower("ms a step", 11.6, 13.7, 13.8, f -> f.decode(256, 590)));
        row(
                "bench/prefill",
                "prefill, 16 x 2,048 tokens",
                Bar.higher("tokens/s", 44_500, 41_800.0, 41_550.0, f -> f.prompt(32_768)));
    }

    private void loads() {
        row(
                "bench/offline",
                "offline, 1,000 requests",
                Bar.higher(
                        "output tokens/s",
                        13_800,
                        11_467.0,
                        11_520.0,
                        f -> f.prompt(208_416) + 203_078 / 256.0 * f.decode(256, 400)));
        ToDoubleFunction<GpuFloors> serving = f -> f.prompt(73_388) + 66_780 / 64.0 * f.decode(64, 400);
        row(
                "serving/output_throughput",
                "serving over HTTP, 64 in flight",
                Bar.higher("output tokens/s", 6_600, 5_389.0, 5_753.0, serving));
        row("serving/mean_ttft_ms", "the same: mean TTFT", Bar.lower("ms", 60, 80.0, 93.0, serving));
        row("serving/mean_itl_ms", "the same: mean ITL", Bar.lower("ms", 6.6, 8.4, 7.6, serving));
        row("serving/p99_itl_ms", "the same: p99 ITL", Bar.lower("ms", 20, 34.0, 27.0, serving));
        row(
                "bench/prefix",
                "shared prefix, 64 groups x 16",
                Bar.higher(
                        "output tokens/s",
                        5_800,
                        4_769.0,
                        5_000.0,
                        f -> f.prompt(262_144) + 65_536 / 256.0 * f.decode(256, 300)));
        row(
                "bench/prefix without the cache",
                "the same without the cache",
                new Bar("output tokens/s", HIGHER, null, 1_089.0, 1_086.0, null));
    }

    private void kernels() {
        values.keySet().stream()
                .filter(name -> name.startsWith("time/"))
                .sorted()
                .forEach(name -> {
                    String what = name.substring("time/".length(), name.lastIndexOf(": "));
                    String unit = name.substring(name.lastIndexOf(": ") + 2);
                    if (!unit.equals(telling(what))) {
                        return;
                    }
                    boolean decode = unit.equals("GB/s") && what.startsWith("decode attention 64 x 4096, page ");
                    row(
                            name,
                            what,
                            decode
                                    ? Bar.higher(unit, what.endsWith("16") ? 4300 : 4250, null, null, GpuFloors::copy)
                                    : Bar.none(unit, unit.equals("us") ? LOWER : HIGHER));
                });
        besideCudnn("1 x 8192");
        values.keySet().stream()
                .filter(name -> name.startsWith("cudnn/"))
                .sorted()
                .forEach(name -> row(
                        name,
                        name.substring("cudnn/".length()) + ", cuDNN in the same run",
                        Bar.none("TFLOP/s", HIGHER)));
    }

    /** The unit that says most about a kernel: of what bounds it. */
    private static String telling(String what) {
        return what.startsWith("decode attention") ? "GB/s" : what.startsWith("prefill attention") ? "TFLOP/s" : "us";
    }

    private void besideCudnn(String what) {
        List<Double> ours = values.get("time/prefill attention " + what + ", page 1: TFLOP/s");
        List<Double> cudnn = values.get("cudnn/prefill attention " + what);
        if (ours != null && cudnn != null) {
            String name = "ratio/prefill attention " + what;
            put(name, median(ours) / median(cudnn));
            row(
                    name,
                    "prefill attention " + what + " against cuDNN in the same run",
                    Bar.higher("x", 1.25, null, null, null));
        }
    }

    /** What deterministic mode costs a step. */
    private void cost(String what) {
        List<Double> plain = values.get("bench/" + what);
        List<Double> alike = values.get("bench-alike/" + what);
        if (plain != null && alike != null) {
            String name = "cost/" + what;
            put(name, 100 * (median(alike) / median(plain) - 1));
            row(name, "deterministic mode's cost: " + what, Bar.lower("%", 5, null, null, null));
        }
    }

    private void row(String name, String measure, Bar bar) {
        List<Double> measured = values.get(name);
        if (measured == null) {
            return;
        }
        double ratio = bar.cost == null || !floors.isWhole() ? 1 : floors.ratio(bar.cost);
        Double scaled = bar.bar == null ? null : bar.better.equals(LOWER) ? bar.bar * ratio : bar.bar / ratio;
        var row = new LinkedHashMap<String, Object>();
        row.put("measure", measure);
        row.put("value", round(median(measured)));
        row.put("unit", bar.unit);
        row.put("better", bar.better);
        row.put("bar", scaled == null ? null : round(scaled));
        row.put("bar_as_set", bar.bar);
        row.put("sglang", bar.sglang);
        row.put("vllm", bar.vllm);
        row.put("floor", floor(name, bar));
        row.put("device", device);
        row.put("driver", System.getProperty("espalier.gpu.driver", "unknown"));
        row.put("date", LocalDate.now(ZoneOffset.UTC).toString());
        row.put("commit", System.getProperty("espalier.gpu.commit", "unknown"));
        rows.add(row);
        boolean within =
                scaled == null || (bar.better.equals(LOWER) ? median(measured) <= scaled : median(measured) >= scaled);
        System.out.printf(
                Locale.ROOT,
                "%-60s %12.2f %-16s %s%n",
                measure,
                median(measured),
                bar.unit,
                scaled == null
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                "bar %.2f%s: %s",
                                scaled,
                                ratio == 1
                                        ? ""
                                        : String.format(Locale.ROOT, " (%.2f on the H200 it was set on)", bar.bar),
                                within ? "reached" : "missed"));
    }

    /** The floor on this card, for measures of one step or one token. */
    private @Nullable Double floor(String name, Bar bar) {
        if (bar.cost == null || !floors.isWhole()) {
            return null;
        }
        double micros = bar.cost.applyAsDouble(floors);
        return switch (name) {
            case "bench/decode1", "bench/decode64", "bench/decode256" -> round(micros / 1e3);
            case "bench/prefill" -> round(32_768 / micros * 1e6);
            case "bench/offline" -> round(203_078 / micros * 1e6);
            case "serving/output_throughput" -> round(66_780 / micros * 1e6);
            case "bench/prefix" -> round(65_536 / micros * 1e6);
            default -> null;
        };
    }

    private static double round(double value) {
        return Math.abs(value) >= 100 ? Math.rint(value) : Math.rint(value * 1000) / 1000;
    }

    private void write() throws IOException {
        var lines = new ArrayList<String>();
        rows.forEach(row -> lines.add("  " + json.writeValueAsString(row)));
        Files.writeString(folder.resolve("gpu.json"), "[\n" + String.join(",\n", lines) + "\n]\n");
    }
}
