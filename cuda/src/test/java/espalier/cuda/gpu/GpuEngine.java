package espalier.cuda.gpu;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelFolder;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.engine.LocalEngine;
import espalier.engine.StepReport;
import espalier.golden.DecoderRun;
import espalier.golden.GoldenModels;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import tools.jackson.databind.ObjectMapper;

/**
 * The whole engine on a GPU: golden models, the bundled model against the CPU, batch invariance, then the benchmarks of a
 * model of 8 billion random weights. A line of JSON a measure, written as it is known. {@code OUT STAGE...}
 */
public final class GpuEngine {
    private final ObjectMapper json = new ObjectMapper();
    private final Path results;
    private final String kind;

    private GpuEngine(Path out) throws IOException {
        Files.createDirectories(out);
        results = out.resolve("engine.jsonl");
        kind = System.getProperty("espalier.gpu.device", "cuda");
    }

    public static void main(String[] args) throws Exception {
        var run = new GpuEngine(Path.of(args[0]));
        for (String stage : Arrays.asList(args).subList(1, args.length)) {
            run.stage(stage);
        }
        System.exit(0);
    }

    private void stage(String stage) {
        try {
            switch (stage) {
                case "golden" -> golden();
                case "demo" -> demo();
                case "alike" -> alike();
                case "bench" -> bench(stage, Map.of());
                case "bench-alike" -> bench(stage, Map.of("--enable-deterministic-inference", "true"));
                default -> throw new IllegalArgumentException("no such stage: " + stage);
            }
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
            tell(stage, "failed", String.valueOf(e), "");
        }
    }

    private void tell(String stage, String measure, Object value, String unit) {
        var line = new LinkedHashMap<String, Object>();
        line.put("stage", stage);
        line.put("measure", measure);
        line.put("value", value);
        line.put("unit", unit);
        try {
            String text = json.writeValueAsString(line);
            System.out.println(text);
            Files.writeString(results, text + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Every reference checkpoint, whole inputs and in runs of one and of five tokens. */
    private void golden() {
        for (GoldenModels.Golden golden : GoldenModels.all()) {
            for (int size : new int[] {0, 1, 5}) {
                String name = golden.name() + (size == 0 ? " whole" : " by " + size);
                try {
                    tell("golden", name, distance(golden, size), "of the row's greatest logit");
                } catch (RuntimeException | AssertionError e) {
                    tell("golden", name, String.valueOf(e.getMessage()), "failed");
                }
            }
        }
    }

    private double distance(GoldenModels.Golden golden, int size) {
        var ids = golden.inputs().stream().map(GoldenModels.Input::ids).toList();
        var gpu = new DeviceProvider.Gpu(DType.BF16, 0, DeviceProvider.Sums.ALWAYS_ALIKE);
        var settings =
                new DeviceProvider.Settings(1, 2, DeviceProvider.Products.FASTEST, DeviceProvider.CpuKernels.AUTO, gpu);
        List<Device> devices = espalier.tensor.Devices.choose(kind).open(settings);
        try (Checkpoint checkpoint = ModelFolder.open(golden.folder()).checkpoint()) {
            var run = new DecoderRun(checkpoint, golden.contextLength(), size == 1 ? 1 : 16, 42);
            List<float[][]> got = run.logits(
                    devices, ids, size == 0 ? DecoderRun.Steps.whole(ids) : DecoderRun.Steps.runs(ids, size));
            double worst = 0;
            for (int i = 0; i < got.size(); i++) {
                worst = Math.max(
                        worst,
                        GoldenModels.distance(got.get(i), golden.inputs().get(i).logits()));
            }
            return worst;
        } finally {
            devices.forEach(Device::close);
        }
    }

    /** Greedy answers of the bundled model against the CPU's. */
    private void demo() throws InterruptedException {
        Path folder = Path.of(System.getProperty("espalier.root"), "models", "demo");
        var prompts = prompts(16, 1500);
        List<Answer> want;
        try (LocalEngine cpu = engine("cpu", folder, Map.of("--max-total-tokens", "20000"))) {
            want = answers(cpu, prompts, 24);
        }
        List<Answer> got;
        try (LocalEngine gpu = engine(kind, folder, Map.of("--max-total-tokens", "20000"))) {
            got = answers(gpu, prompts, 24);
        }
        int same = 0;
        int all = 0;
        for (int i = 0; i < want.size(); i++) {
            all += want.get(i).ids().size();
            for (int j = 0; j < want.get(i).ids().size(); j++) {
                if (!want.get(i).ids().get(j).equals(got.get(i).ids().get(j))) {
                    break;
                }
                same++;
            }
        }
        tell("demo", "greedy tokens equal to the CPU's before the first difference", same + " of " + all, "");
    }

    /** Tokens and the bits of log-probabilities: alone, in a batch, after a prefix hit. */
    private void alike() throws InterruptedException {
        Path folder = Path.of(System.getProperty("espalier.root"), "models", "demo");
        var prompts = prompts(64, 1500);
        var flags = Map.of("--max-total-tokens", "40000", "--enable-deterministic-inference", "true");
        try (LocalEngine gpu = engine(kind, folder, flags)) {
            var alone = new ArrayList<Answer>();
            for (int[] prompt : prompts) {
                gpu.flushCache();
                alone.addAll(answers(gpu, List.of(prompt), 24));
            }
            gpu.flushCache();
            tell(
                    "alike",
                    "64 answers at once have the bits of those alone",
                    answers(gpu, prompts, 24).equals(alone),
                    "");
            tell(
                    "alike",
                    "the same after a prefix hit",
                    answers(gpu, prompts, 24).equals(alone),
                    "");
        }
    }

    private static List<int[]> prompts(int count, int vocabulary) {
        var random = new SplittableRandom(11);
        var prompts = new ArrayList<int[]>();
        for (int i = 0; i < count; i++) {
            prompts.add(random.ints(20 + random.nextInt(150), 3, vocabulary).toArray());
        }
        return prompts;
    }

    private record Answer(List<Integer> ids, List<Integer> logprobBits) {}

    private static List<Answer> answers(LocalEngine engine, List<int[]> prompts, int out) throws InterruptedException {
        var open = new ArrayList<Generation>();
        for (int[] prompt : prompts) {
            var params = SamplingParams.builder()
                    .maxNewTokens(out)
                    .ignoreEos(true)
                    .temperature(0)
                    .logprobs(0)
                    .build();
            open.add(engine.submit(new GenerateRequest("q" + System.nanoTime(), Tokens.of(prompt), params)));
        }
        var all = new ArrayList<Answer>();
        for (Generation each : open) {
            var ids = new ArrayList<Integer>();
            var bits = new ArrayList<Integer>();
            Emission next = each.next();
            while (next instanceof Emission.Token token) {
                ids.add(token.id());
                bits.add(Float.floatToRawIntBits(
                        Objects.requireNonNull(token.logprobs()).chosen()));
                next = each.next();
            }
            if (next instanceof Emission.Failed failed) {
                throw failed.cause();
            }
            all.add(new Answer(ids, bits));
        }
        return all;
    }

    private LocalEngine engine(String device, Path folder, Map<String, String> flags) {
        var typed = new HashMap<>(flags);
        typed.put("--device", device);
        typed.putIfAbsent("--max-running-requests", "64");
        typed.put("--random-seed", "1");
        Options options = OptionReader.read(Options.class, typed::get);
        return EngineLoader.load(options, ModelFolder.open(folder), new Says()).engine();
    }

    /** What loading says, with the time. */
    private static final class Says implements LoadListener {
        private final long begun = System.nanoTime();

        @Override
        public void says(String line) {
            System.out.printf("[%.2f s] %s%n", (System.nanoTime() - begun) / 1e9, line);
        }

        @Override
        public void loaded(int layers, int all) {
            if (layers == all) {
                says("layers loaded: " + all);
            }
        }

        @Override
        public void recorded(int done, int all) {
            if (done == 1 || done == all) {
                says("recorded " + done + " of " + all);
            }
        }

        @Override
        public void stepped(StepReport report) {}

        @Override
        public void failed(EngineFault fault) {
            says("FAILED: " + fault.getMessage());
        }
    }

    private void bench(String stage, Map<String, String> more) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("model");
        String config = System.getProperty("espalier.gpu.config", "");
        Files.writeString(
                folder.resolve("config.json"), config.isEmpty() ? Workload.CONFIG : Files.readString(Path.of(config)));
        var flags = new HashMap<>(more);
        flags.put("--load-format", "dummy");
        flags.put("--context-length", "8192");
        flags.put("--max-running-requests", System.getProperty("espalier.gpu.running", "256"));
        String tokens = System.getProperty("espalier.gpu.tokens", "");
        if (!tokens.isEmpty()) {
            flags.put("--max-total-tokens", tokens);
        }
        double scale = Double.parseDouble(System.getProperty("espalier.gpu.scale", "1"));
        long begun = System.nanoTime();
        try (LocalEngine engine = engine(kind, folder, flags)) {
            tell(stage, "ready", seconds(begun), "s");
            timed(engine, Workload.same("warm", 4, 64, 8));
            decode(stage, engine, "decode1", 1, 128, 256);
            decode(stage, engine, "decode64", (int) (64 * scale), 1024, 128);
            decode(stage, engine, "decode256", (int) (256 * scale), 512, 128);
            for (int i = 0; i < 3; i++) {
                engine.flushCache();
                var prompts = Workload.same("prefill", (int) (16 * scale), 2048, 1);
                tell(stage, "prefill", prompts.size() * 2048 / timed(engine, prompts), "tokens/s");
            }
            engine.flushCache();
            var chat = Workload.chat("offline", 0, (int) (1000 * scale));
            tell(stage, "offline", outputs(chat) / timed(engine, chat), "output tokens/s");
            engine.flushCache();
            var prefix = Workload.prefix(0).subList(0, (int) (1024 * scale));
            tell(stage, "prefix", outputs(prefix) / timed(engine, prefix), "output tokens/s");
        }
    }

    private static long outputs(List<GenerateRequest> requests) {
        return requests.stream()
                .mapToLong(r -> Objects.requireNonNull(r.sampling().maxNewTokens()))
                .sum();
    }

    private void decode(String stage, LocalEngine engine, String measure, int count, int prompt, int out)
            throws InterruptedException {
        engine.flushCache();
        timed(engine, Workload.same(measure, count, prompt, 1));
        double best = Double.POSITIVE_INFINITY;
        for (int i = 0; i < 2; i++) {
            double few = timed(engine, Workload.same(measure, count, prompt, 32));
            double many = timed(engine, Workload.same(measure, count, prompt, out));
            best = Math.min(best, (many - few) / (out - 32) * 1e3);
        }
        tell(stage, measure, best, "ms a step");
    }

    /** Seconds from the first submission to the last token. */
    private static double timed(LocalEngine engine, List<GenerateRequest> requests) throws InterruptedException {
        long begun = System.nanoTime();
        var open = requests.stream().map(engine::submit).toList();
        for (Generation each : open) {
            Emission next = each.next();
            while (next instanceof Emission.Token) {
                next = each.next();
            }
            if (next instanceof Emission.Failed failed) {
                throw failed.cause();
            }
        }
        return seconds(begun);
    }

    private static double seconds(long begun) {
        return (System.nanoTime() - begun) / 1e9;
    }
}
