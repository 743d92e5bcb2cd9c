package espalier.config;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.base.Nearest;
import espalier.model.MemoryPlan;
import espalier.model.ModelShape;
import espalier.model.Quantization;
import espalier.sched.Limits;
import espalier.sched.Policy;
import espalier.sched.Sharing;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import espalier.tensor.KvType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Combines what the user said with what is known of the model and the machine. Pure: the same input, the same numbers. */
public final class Resolver {
    /** A cache smaller than this serves nobody, unless a request at its longest is shorter. */
    private static final int LEAST_TOKENS = 256;

    private Resolver() {}

    /**
     * What is known before anything is loaded.
     *
     * @param availableBytes of the device, before the weights
     * @param defaults of the device
     * @param mostPositions as {@link Device#mostPositions} has them
     * @param memory what one rank needs
     */
    public record Facts(
            ModelShape shape, long availableBytes, Device.Defaults defaults, long mostPositions, Memory memory) {}

    /** What one rank needs for the largest step given, its weights quantised so; all ranks need the same. */
    public interface Memory {
        MemoryPlan plan(MemoryPlan.Largest largest, Quantization quantization);
    }

    /**
     * @throws RequestRejected if a flag's value cannot be
     * @throws EngineFault RESOURCE if the model does not fit the memory
     */
    public static Settings resolve(Options options, Facts facts) {
        Ranges.require(options);
        var reasons = new ArrayList<String>();
        int context = context(options.model(), facts.shape(), reasons);
        int pageSize = options.cache().pageSize();
        var schedule = options.schedule();
        int running = schedule.maxRunningRequests() == null
                ? Math.clamp(
                        facts.mostPositions() / context, 1, facts.defaults().sequences())
                : schedule.maxRunningRequests();
        int chunk = chunk(schedule.chunkedPrefillSize(), facts.defaults().prefillTokens(), pageSize);
        int queued = schedule.maxQueuedRequests() == null ? Integer.MAX_VALUE : schedule.maxQueuedRequests();
        int prefill = schedule.maxPrefillTokens();
        KvType kvType = kvType(options);
        var budget = new Limits(1, pageSize, running, context, chunk, prefill, queued);
        var largest =
                new MemoryPlan.Largest(budget.maxStepTokens(), running, Math.ceilDiv(context, pageSize), pageSize);
        Quantization chosen = options.model().quantization();
        MemoryPlan plan = facts.memory().plan(largest, chosen);
        int ranks = options.device().tpSize();
        long perToken = plan.kvBytesPerToken() * ranks;
        var need = new Need(
                ranks,
                perToken,
                Math.min(LEAST_TOKENS, context),
                (long) running * context,
                () -> smaller(facts, largest, chosen, ranks));
        int pages = pages(options.cache(), facts, plan, need, reasons);
        var limits = new Limits(pages, pageSize, running, context, chunk, prefill, queued);
        return new Settings(
                limits,
                sharing(schedule.decodePace(), facts.defaults()),
                ranks,
                plan,
                kvType,
                (long) pages * pageSize * perToken,
                policy(schedule.schedulePolicy()),
                reasons);
    }

    private static Sharing sharing(double pace, Device.Defaults defaults) {
        return new Sharing(
                defaults.enoughPrefillTokens(),
                defaults.leastPrefillTokens(),
                pace == 0 ? Double.POSITIVE_INFINITY : pace,
                defaults.fullRows());
    }

    /** Kernels decide the bits of an answer, so they follow the flags alone, never how many requests there are. */
    private static DeviceProvider.Cpu cpu(Options options) {
        Options.CpuKernels asked = options.device().cpuKernels();
        Integer running = options.schedule().maxRunningRequests();
        boolean one = asked == Options.CpuKernels.LATENCY
                || (asked == Options.CpuKernels.AUTO && running != null && running == 1);
        return new DeviceProvider.Cpu(
                switch (asked) {
                    case AUTO, LATENCY -> DeviceProvider.CpuKernels.AUTO;
                    case AMX -> DeviceProvider.CpuKernels.AMX;
                    case AVX512 -> DeviceProvider.CpuKernels.AVX512;
                    case AVX2 -> DeviceProvider.CpuKernels.AVX2;
                    case VECTOR -> DeviceProvider.CpuKernels.VECTOR;
                },
                one ? DeviceProvider.Aim.LATENCY : DeviceProvider.Aim.THROUGHPUT,
                prefixes(options));
    }

    private static Device.Prefixes prefixes(Options options) {
        return options.device().disableCascadeAttn() ? Device.Prefixes.OWN : Device.Prefixes.SHARED;
    }

    /**
     * Refuses flags that are wrong whatever the model is, before one is looked for.
     *
     * @throws RequestRejected if a flag's value cannot be
     */
    public static DeviceProvider.Demand demand(Options options) {
        Ranges.require(options);
        var _ = policy(options.schedule().schedulePolicy());
        boolean asStored = options.model().quantization() == Quantization.NONE;
        return new DeviceProvider.Demand(
                device(options),
                kvType(options),
                asStored ? DeviceProvider.Weights.AS_STORED : DeviceProvider.Weights.QUANTIZED);
    }

    /** How the device is opened: ranks, threads for all of them, arithmetic. */
    public static DeviceProvider.Settings device(Options options) {
        Options.Device device = options.device();
        Integer threads = device.cpuThreads();
        return new DeviceProvider.Settings(
                device.tpSize(),
                threads == null ? 0 : threads,
                options.model().dtype() == Options.Arithmetic.FLOAT32
                        ? DeviceProvider.Products.FLOAT32
                        : DeviceProvider.Products.FASTEST,
                cpu(options),
                new DeviceProvider.Gpu(
                        options.model().dtype() == Options.Arithmetic.FLOAT16 ? DType.F16 : DType.BF16,
                        device.disableCudaGraph() ? 0 : device.cudaGraphMaxBs(),
                        device.enableDeterministicInference()
                                ? DeviceProvider.Sums.ALWAYS_ALIKE
                                : DeviceProvider.Sums.FASTEST,
                        prefixes(options),
                        Duration.ofSeconds(options.schedule().watchdogTimeout())));
    }

    /**
     * What the cache is sized by.
     *
     * @param leastTokens below which a cache is refused
     * @param mostTokens that all running requests may have together
     * @param smaller what to say where the weights leave too little
     */
    private record Need(int ranks, long bytesPerToken, int leastTokens, long mostTokens, Supplier<String> smaller) {}

    private static int context(Options.Model model, ModelShape shape, List<String> reasons) {
        if (model.contextLength() == null) {
            return shape.contextTokens();
        }
        int asked = model.contextLength();
        if (asked > shape.contextTokens()) {
            reasons.add("context length " + asked + " is longer than the " + shape.contextTokens()
                    + " tokens that the model was made for: answers may get worse beyond");
        }
        return asked;
    }

    private static int chunk(@Nullable Integer asked, int byDefault, int pageSize) {
        return asked == null ? Math.ceilDiv(byDefault, pageSize) * pageSize : asked;
    }

    private static int pages(Options.Cache cache, Facts facts, MemoryPlan plan, Need need, List<String> reasons) {
        int pageSize = cache.pageSize();
        long weights = plan.weightBytes() * need.ranks();
        long workspace = plan.workspaceBytes() * need.ranks();
        Double share = cache.memFractionStatic();
        Integer asked = cache.maxTotalTokens();
        long affordable = affordable(asked != null, share, facts, plan, need) / need.bytesPerToken();
        long tokens;
        if (asked != null) {
            requireUse(asked, need.leastTokens());
            tokens = Math.ceilDiv(asked, (long) pageSize) * pageSize;
            if (tokens > affordable) {
                long most = affordable / pageSize * pageSize;
                String room =
                        "no room for the " + gib(tokens * need.bytesPerToken()) + " of --max-total-tokens " + asked;
                String less = most == 0 ? "; free some" : "; ask for at most " + most + ", free some";
                throw tooLittle(facts, weights, workspace, room + less, need.smaller());
            }
        } else if (affordable < need.leastTokens()) {
            String more = share == null ? "free some" : "raise --mem-fraction-static " + share + ", free some";
            throw tooLittle(facts, weights, workspace, "no room for a KV cache; " + more, need.smaller());
        } else if (affordable < pageSize) {
            String room = "no room for a page of --page-size " + pageSize + "; make it smaller";
            throw tooLittle(facts, weights, workspace, room, () -> "");
        } else if (affordable < need.mostTokens()) {
            tokens = affordable;
            reasons.add(share(tokens, facts.availableBytes(), weights + tokens * need.bytesPerToken(), workspace));
        } else {
            tokens = need.mostTokens();
            reasons.add("KV cache: " + tokens + " tokens hold every running request at its longest");
        }
        return (int) Math.min(Integer.MAX_VALUE / pageSize - 1, Math.max(1, tokens / pageSize));
    }

    private static String share(long tokens, long available, long weightsAndCache, long workspace) {
        return String.format(
                Locale.ROOT,
                "KV cache: %d tokens, with the weights %s of %s, beside %s for a step: mem_fraction_static=%.3f",
                tokens,
                gib(weightsAndCache),
                gib(available),
                gib(workspace),
                (double) weightsAndCache / available);
    }

    /**
     * Bytes that the KV cache may have: where a size was asked for all that is left, else what its share of the memory leaves
     * beside the weights, else what suits the device.
     */
    private static long affordable(boolean asked, @Nullable Double share, Facts facts, MemoryPlan plan, Need need) {
        long weights = plan.weightBytes() * need.ranks();
        long workspace = plan.workspaceBytes() * need.ranks();
        if (asked) {
            return Math.max(0, facts.availableBytes() - weights - workspace);
        }
        if (share == null) {
            return facts.defaults().cache().bytes(facts.availableBytes(), weights, workspace);
        }
        long free = (long) (facts.availableBytes() * (1 - share));
        if (free < workspace) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    String.format(
                            Locale.ROOT,
                            "--mem-fraction-static %s leaves %s of %s for the largest step, which needs %s; lower it, or"
                                    + " --chunked-prefill-size or --max-running-requests",
                            share,
                            gib(free),
                            gib(facts.availableBytes()),
                            gib(workspace)));
        }
        return facts.availableBytes() - free - weights;
    }

    private static void requireUse(int asked, int least) {
        if (asked < least) {
            throw RequestRejected.invalid(
                    "--max-total-tokens",
                    "--max-total-tokens must be at least " + least + " with this model and --context-length, got "
                            + asked + ": prompt and answer have to fit; leave it out to have it computed");
        }
    }

    /** The flag that would make the weights fit, or that makes them smallest; nothing for weights that are small already. */
    private static String smaller(Facts facts, MemoryPlan.Largest largest, Quantization chosen, int ranks) {
        String best = "";
        long before = facts.memory().plan(largest, chosen).weightBytes();
        for (Quantization each : List.of(Quantization.INT8, Quantization.INT4)) {
            MemoryPlan plan = facts.memory().plan(largest, each);
            if (plan.weightBytes() >= before) {
                continue;
            }
            long weights = plan.weightBytes() * ranks;
            long cache = facts.defaults().cache().bytes(facts.availableBytes(), weights, plan.workspaceBytes() * ranks);
            boolean fits = cache >= LEAST_TOKENS * plan.kvBytesPerToken() * ranks;
            best = "; --quantization " + each.name().toLowerCase(Locale.ROOT) + " makes the weights " + gib(weights)
                    + (fits ? ", which fits" : "");
            if (fits) {
                return best;
            }
        }
        return best;
    }

    private static EngineFault tooLittle(
            Facts facts, long weights, long workspace, String leaves, Supplier<String> smaller) {
        return new EngineFault(
                EngineFault.Code.RESOURCE,
                String.format(
                        Locale.ROOT,
                        "too little memory: %s are available, the weights need %s and the largest step %s, which leaves"
                                + " %s, or try a smaller --chunked-prefill-size, --max-running-requests or model%s",
                        gib(facts.availableBytes()),
                        gib(weights),
                        gib(workspace),
                        leaves,
                        smaller.get()));
    }

    /** What keys and values are stored as. */
    public static KvType kvType(Options options) {
        String asked = options.cache().kvCacheDtype();
        return switch (asked) {
            case "auto" ->
                switch (options.model().dtype()) {
                    case FLOAT32 -> KvType.F32;
                    case FLOAT16 -> KvType.F16;
                    case AUTO, BFLOAT16 -> KvType.BF16;
                };
            case "bf16", "bfloat16" -> KvType.BF16;
            case "fp8", "fp8_e4m3" -> KvType.FP8_E4M3;
            case "fp8_e5m2" -> KvType.FP8_E5M2;
            case "int8" -> KvType.INT8;
            default -> {
                List<String> known = List.of("auto", "bf16", "bfloat16", "fp8_e4m3", "fp8_e5m2", "int8");
                throw RequestRejected.invalid(
                        "--kv-cache-dtype",
                        "--kv-cache-dtype takes one of " + String.join(", ", known) + ", got '" + asked + "'"
                                + Nearest.hint(asked, known));
            }
        };
    }

    private static Policy policy(String name) {
        for (Policy each : Policy.values()) {
            if (each.flag().equals(name)) {
                return each;
            }
        }
        List<String> known = Arrays.stream(Policy.values()).map(Policy::flag).toList();
        throw RequestRejected.invalid(
                "--schedule-policy",
                "--schedule-policy takes one of " + String.join(", ", known) + ", got '" + name + "'"
                        + Nearest.hint(name, known));
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
    }
}
