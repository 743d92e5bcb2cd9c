package espalier.cuda.gpu;

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
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The whole engine on a GPU: golden models, the bundled model against the CPU, batch invariance. A line of JSON a
 * measure, written as it is known. {@code OUT STAGE...}
 */
public final class GpuEngine {
    private static final Map<String, String> SMALL =
            Map.of("--max-running-requests", "64", "--max-total-tokens", "20000");

    private static final int NEW_TOKENS = 24;

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

    /** Every reference checkpoint, whole inputs and in runs of one and of five tokens. */
    private void golden() {
        for (GoldenModels.Golden golden : GoldenModels.all()) {
            for (int size : new int[] {0, 1, 5}) {
                String name = golden.name() + (size == 0 ? " whole" : " by " + size);
                try {
                    log.tell("golden", name, distance(golden, size), "of the row's greatest logit");
                } catch (RuntimeException | AssertionError e) {
                    log.tell("golden", name, String.valueOf(e.getMessage()), "failed");
                }
            }
        }
    }

    private double distance(GoldenModels.Golden golden, int size) {
        var ids = golden.inputs().stream().map(GoldenModels.Input::ids).toList();
        var cpu = new DeviceProvider.Cpu(DeviceProvider.CpuKernels.AUTO, DeviceProvider.Aim.THROUGHPUT);
        var gpu = new DeviceProvider.Gpu(
                DType.BF16, 0, DeviceProvider.Sums.ALWAYS_ALIKE, Device.Prefixes.OWN, Duration.ofMinutes(2));
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

    /** Greedy answers of the bundled model against the CPU's. */
    private void demo() throws InterruptedException {
        Path folder = Path.of(System.getProperty("espalier.root"), "models", "demo");
        var prompts = prompts(16, 1500);
        List<Answer> want;
        try (LocalEngine cpu = GpuLoading.engine("cpu", folder, SMALL)) {
            want = Answer.greedy(cpu, prompts, NEW_TOKENS);
        }
        List<Answer> got;
        try (LocalEngine gpu = GpuLoading.engine(kind, folder, SMALL)) {
            got = Answer.greedy(gpu, prompts, NEW_TOKENS);
        }
        int same = 0;
        int all = 0;
        for (int i = 0; i < want.size(); i++) {
            List<Answer.Scored> tokens = want.get(i).tokens();
            all += tokens.size();
            for (int j = 0; j < tokens.size(); j++) {
                if (tokens.get(j).token() != got.get(i).tokens().get(j).token()) {
                    break;
                }
                same++;
            }
        }
        log.tell("demo", "greedy tokens equal to the CPU's before the first difference", same + " of " + all, "");
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
            log.tell(
                    "alike",
                    "64 answers at once have the bits of those alone",
                    tokens(gpu, prompts).equals(alone),
                    "");
            log.tell(
                    "alike", "the same after a prefix hit", tokens(gpu, prompts).equals(alone), "");
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
