package espalier.cuda;

import espalier.api.GenerateRequest;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.DummyCheckpoint;
import espalier.cuda.kernel.ProductChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.exec.Capacity;
import espalier.exec.Executor;
import espalier.exec.LoadSettings;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Speed;
import espalier.sched.Strategy;
import espalier.step.StepPlan;
import espalier.tensor.DType;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the host itself takes for a step of a model of Llama-3.1-8B's layers: plan, staging, launch, choice, completion, on
 * a driver that does nothing. {@code main} prints it for decoding batches, recorded and not, and for steps that read a
 * prompt beside them.
 */
final class HostTimeBench {
    private static final int CONTEXT = 4096;
    private static final int STEPS = 2000;
    static final String CONFIG = """
            {"architectures": ["LlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "head_dim": 128,
             "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 8192,
             "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
             "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
             "vocab_size": 128256}
            """;

    private HostTimeBench() {}

    /** Nanoseconds of each step, and bytes that all threads allocated for one in the mean. */
    record Cost(long[] nanos, double bytes, double launches) {
        @Override
        public String toString() {
            long[] sorted = nanos.clone();
            Arrays.sort(sorted);
            return String.format(
                    Locale.ROOT,
                    "%.0f us (median; best %.0f), %.1f kB of heap, %.0f launches",
                    sorted[sorted.length / 2] / 1e3,
                    sorted[0] / 1e3,
                    bytes / 1e3,
                    launches);
        }
    }

    /** @param prompt tokens of the prompt that each step reads beside the decoding sequences, 0 for none */
    static Cost measure(int batch, int recorded, int prompt, int steps) {
        var driver = new DryDriver(9);
        var setup = new CudaDevice.Setup(
                DType.BF16,
                recorded,
                ProductKernels.Mode.FASTEST,
                CudaDevice.Tuning.ASSUMED,
                ProductChoices.forgotten());
        var checkpoint = DummyCheckpoint.of(new JsonMapper().readTree(CONFIG));
        var model = ModelLoader.load(checkpoint, List.of(new CudaDevice(driver, setup)), LoadSettings.plain());
        int seats = batch + 8;
        int pages = seats * CONTEXT;
        var limits = new Limits(pages, 1, seats, CONTEXT, 8192, 16384, 1 << 20);
        try (Executor executor = RankedExecutor.start(
                model, new Capacity(seats, limits.maxStepTokens(), pages, 1, CONTEXT, DType.BF16))) {
            var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
            long id = 0;
            for (; id < batch; id++) {
                submit(scheduler, id, 500, CONTEXT - 600);
            }
            var nanos = new long[steps];
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long heap = 0;
            long launches = 0;
            for (int step = -steps / 2; step < steps; step++) {
                if (step == 0) {
                    heap = allocated(threads);
                    launches = driver.launches();
                }
                if (prompt > 0) {
                    submit(scheduler, id++, prompt, 1);
                }
                long begun = System.nanoTime();
                StepPlan plan = scheduler.plan(Speed.UNKNOWN);
                Executor.Flight flight = executor.launch(plan);
                flight.sample(scheduler.sampling());
                scheduler.complete(flight.await());
                if (step >= 0) {
                    nanos[step] = System.nanoTime() - begun;
                }
            }
            return new Cost(
                    nanos,
                    (allocated(threads) - heap) / (double) steps,
                    (driver.launches() - launches) / (double) steps);
        }
    }

    private static long allocated(com.sun.management.ThreadMXBean threads) {
        return threads.getTotalThreadAllocatedBytes();
    }

    private static void submit(Scheduler scheduler, long id, int prompt, int output) {
        var ids = new int[prompt];
        Arrays.setAll(ids, i -> (int) ((id * 7919 + i * 31L) % 128_000));
        var params = SamplingParams.builder()
                .maxNewTokens(output)
                .ignoreEos(true)
                .temperature(0)
                .build();
        scheduler.submit(id, new GenerateRequest("r" + id, Tokens.of(ids), params), 0, null);
    }

    public static void main(String[] args) {
        int steps = args.length > 0 ? Integer.parseInt(args[0]) : STEPS;
        System.out.println("decode 64, recorded: " + measure(64, 256, 0, steps));
        System.out.println("decode 256, recorded: " + measure(256, 256, 0, steps));
        System.out.println("decode 256, launched one by one: " + measure(256, 0, 0, steps));
        System.out.println("decode 256 and a prompt of 300: " + measure(256, 256, 300, steps));
        System.exit(0);
    }
}
