package espalier.cuda.gpu;

import espalier.api.Emission;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelFolder;
import espalier.engine.LocalEngine;
import espalier.golden.Answer;
import espalier.golden.DecoderRun;
import espalier.golden.GoldenModels;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * The whole engine on a GPU: golden models, the bundled model against the CPU, batch invariance. A line of JSON a
 * measure, written as it is known. {@code OUT STAGE...}
 */
public final class GpuEngine {
    private static final Map<String, String> SMALL =
            Map.of("--max-running-requests", "64", "--max-total-tokens", "20000");

    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int NEW_TOKENS = 24;
    private static final int DEMO_PROMPTS = 16;

    /** Nats by which the best token leads where bf16 must not change it; transformers in bf16 is off by up to 0.18. */
    private static final double SURE = 0.2;

    private final GpuLog log;
    private final String kind = GpuLoading.device();

    private GpuEngine(GpuLog log) {
        this.log = log;
    }

    public static void main(String[] args) throws Exception {
        var run = new GpuEngine(new GpuLog(Path.of(args[0])));
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
                default -> throw new IllegalArgumentException("no such stage: " + stage);
            }
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
            log.tell(stage, "failed", String.valueOf(e), "");
        }
    }

    /** Every reference checkpoint, whole inputs and in runs of one and of five tokens, by default and in deterministic mode. */
    private void golden() {
        var fastest =
                new DeviceProvider.Gpu(DType.BF16, 0, DeviceProvider.Sums.FASTEST, Device.Prefixes.SHARED, PATIENCE);
        var alike =
                new DeviceProvider.Gpu(DType.BF16, 0, DeviceProvider.Sums.ALWAYS_ALIKE, Device.Prefixes.OWN, PATIENCE);
        for (GoldenModels.Golden golden : GoldenModels.all()) {
            for (DeviceProvider.Gpu gpu : List.of(fastest, alike)) {
                for (int size : new int[] {0, 1, 5}) {
                    String name = golden.name() + (size == 0 ? " whole" : " by " + size)
                            + (gpu == alike ? ", deterministic" : "") + ": distance of the row's greatest logit";
                    try {
                        double distance = distance(golden, gpu, size);
                        log.judge("golden", name, distance, distance < GoldenModels.OF_BF16);
                    } catch (RuntimeException | AssertionError e) {
                        log.judge("golden", name, String.valueOf(e), false);
                    }
                }
            }
        }
    }

    private double distance(GoldenModels.Golden golden, DeviceProvider.Gpu gpu, int size) {
        var ids = golden.inputs().stream().map(GoldenModels.Input::ids).toList();
        var cpu = new DeviceProvider.Cpu(DeviceProvider.CpuKernels.AUTO, DeviceProvider.Aim.THROUGHPUT);
        var settings = new DeviceProvider.Settings(1, 2, DeviceProvider.Products.FASTEST, cpu, gpu);
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

    /** Greedy answers of the bundled model against the CPU's in f32, each to the first difference, where the CPU was not sure. */
    private void demo() throws InterruptedException {
        Path folder = Path.of(System.getProperty("espalier.root"), "models", "demo");
        var prompts = prompts(DEMO_PROMPTS, 1500);
        var exact = new HashMap<>(SMALL);
        exact.put("--dtype", "float32");
        List<List<Emission.Token>> want;
        try (LocalEngine cpu = GpuLoading.engine("cpu", folder, exact)) {
            want = Answer.scored(cpu, prompts, NEW_TOKENS);
        }
        List<List<Emission.Token>> got;
        try (LocalEngine gpu = GpuLoading.engine(kind, folder, SMALL)) {
            got = Answer.scored(gpu, prompts, NEW_TOKENS);
        }
        int same = 0;
        for (int i = 0; i < want.size(); i++) {
            List<Emission.Token> tokens = want.get(i);
            int j = 0;
            while (j < tokens.size() && tokens.get(j).id() == got.get(i).get(j).id()) {
                j++;
            }
            same += j;
            if (j < tokens.size()) {
                float[] best = Objects.requireNonNull(tokens.get(j).logprobs()).topLogprobs();
                float gap = best[0] - best[1];
                log.judge("demo", "gap on the CPU where answer " + i + " differs at token " + j, gap, gap < SURE);
            }
        }
        log.tell(
                "demo",
                "greedy tokens equal to the CPU's before the first difference",
                same,
                "of " + prompts.size() * NEW_TOKENS);
    }

    /** Tokens and the bits of log-probabilities: alone, in a batch, after a prefix hit. */
    private void alike() throws InterruptedException {
        Path folder = Path.of(System.getProperty("espalier.root"), "models", "demo");
        var prompts = prompts(64, 1500);
        var flags = Map.of(
                "--max-running-requests",
                "64",
                "--max-total-tokens",
                "40000",
                "--enable-deterministic-inference",
                "true");
        try (LocalEngine gpu = GpuLoading.engine(kind, folder, flags)) {
            var alone = new ArrayList<List<Answer.Scored>>();
            for (int[] prompt : prompts) {
                gpu.flushCache();
                alone.addAll(tokens(gpu, List.of(prompt)));
            }
            gpu.flushCache();
            boolean together = tokens(gpu, prompts).equals(alone);
            log.judge("alike", prompts.size() + " answers at once have the bits of those alone", together, together);
            boolean cached = tokens(gpu, prompts).equals(alone);
            log.judge("alike", "the same after a prefix hit", cached, cached);
        }
    }

    private static List<List<Answer.Scored>> tokens(LocalEngine gpu, List<int[]> prompts) throws InterruptedException {
        return Answer.greedy(gpu, prompts, NEW_TOKENS).stream()
                .map(Answer::tokens)
                .toList();
    }

    private static List<int[]> prompts(int count, int vocabulary) {
        var random = new SplittableRandom(11);
        var prompts = new ArrayList<int[]>();
        for (int i = 0; i < count; i++) {
            prompts.add(random.ints(20 + random.nextInt(150), 3, vocabulary).toArray());
        }
        return prompts;
    }
}
