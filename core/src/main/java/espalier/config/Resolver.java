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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/** Combines what the user said with what is known of the model and the machine. Pure: the same input, the same numbers. */
public final class Resolver {
    /** A cache smaller than this serves nobody. */
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
        requireRanges(options);
        var reasons = new ArrayList<String>();
        int context = context(options.model(), facts.shape(), reasons);
        int pageSize = OptionReader.positive("--page-size", options.cache().pageSize());
        var schedule = options.schedule();
        int running = schedule.maxRunningRequests() == null
                ? Math.clamp(
                        facts.mostPositions() / context, 1, facts.defaults().sequences())
                : OptionReader.positive("--max-running-requests", schedule.maxRunningRequests());
        int chunk = chunk(schedule.chunkedPrefillSize(), facts.defaults().prefillTokens(), pageSize);
        int queued = schedule.maxQueuedRequests() == null
                ? Integer.MAX_VALUE
                : OptionReader.positive("--max-queued-requests", schedule.maxQueuedRequests());
        int prefill = OptionReader.positive("--max-prefill-tokens", schedule.maxPrefillTokens());
        KvType kvType = kvType(options);
        var budget = new Limits(1, pageSize, running, context, chunk, prefill, queued);
        var largest = new MemoryPlan.Largest(budget.maxStepTokens(), running, Math.ceilDiv(context, pageSize));
        Quantization chosen = options.model().quantization();
        MemoryPlan plan = facts.memory().plan(largest, chosen);
        int ranks = OptionReader.positive("--tp-size", options.device().tpSize());
        long perToken = plan.kvBytesPerToken() * ranks;
        var need = new Need(ranks, perToken, (long) running * context, () -> smaller(facts, largest, chosen, ranks));
        int pages = pages(options.cache(), facts, plan, need, reasons);
        var limits = new Limits(pages, pageSize, running, context, chunk, prefill, queued);
        return new Settings(
                limits,
                sharing(schedule.decodePace(), facts.defaults()),
                kvType,
                (long) pages * pageSize * perToken,
                policy(schedule.schedulePolicy()),
                reasons);
    }

    private static Sharing sharing(double pace, Device.Defaults defaults) {
        return new Sharing(
                defaults.enoughPrefillTokens(),
                defaults.leastPrefillTokens(),
                pace == 0 ? Double.POSITIVE_INFINITY : pace);
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
        requireRanges(options);
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
                OptionReader.positive("--tp-size", device.tpSize()),
                threads == null ? 0 : OptionReader.positive("--cpu-threads", threads),
                options.model().dtype() == Options.Arithmetic.FLOAT32
                        ? DeviceProvider.Products.FLOAT32
                        : DeviceProvider.Products.FASTEST,
                cpu(options),
                new DeviceProvider.Gpu(
                        options.model().dtype() == Options.Arithmetic.FLOAT16 ? DType.F16 : DType.BF16,
                        device.disableCudaGraph()
                                ? 0
                                : OptionReader.positive("--cuda-graph-max-bs", device.cudaGraphMaxBs()),
                        device.enableDeterministicInference()
                                ? DeviceProvider.Sums.ALWAYS_ALIKE
                                : DeviceProvider.Sums.FASTEST,
                        prefixes(options)));
    }

    /** @param smaller what to say where the weights leave too little */
    private record Need(int ranks, long bytesPerToken, long mostTokens, Supplier<String> smaller) {}

    private static int context(Options.Model model, ModelShape shape, List<String> reasons) {
        if (model.contextLength() == null) {
            return shape.contextTokens();
        }
        int asked = OptionReader.positive("--context-length", model.contextLength());
        if (asked > shape.contextTokens()) {
            reasons.add("context length " + asked + " is longer than the " + shape.contextTokens()
                    + " tokens that the model was made for: answers may get worse beyond");
        }
        return asked;
    }

    private static int chunk(@org.jspecify.annotations.Nullable Integer asked, int byDefault, int pageSize) {
        if (asked == null) {
            return Math.ceilDiv(byDefault, pageSize) * pageSize;
        }
        if (asked != -1) {
            OptionReader.positive("--chunked-prefill-size", asked);
            if (asked % pageSize != 0) {
                throw RequestRejected.invalid(
                        "--chunked-prefill-size",
                        "--chunked-prefill-size " + asked + " must be a multiple of --page-size " + pageSize);
            }
        }
        return asked;
    }

    private static int pages(Options.Cache cache, Facts facts, MemoryPlan plan, Need need, List<String> reasons) {
        int pageSize = cache.pageSize();
        double share = share(cache, facts);
        long weights = plan.weightBytes() * need.ranks();
        long workspace = plan.workspaceBytes() * need.ranks();
        long left = Math.max(0, facts.availableBytes() - weights - workspace);
        Integer asked = cache.maxTotalTokens();
        long affordable = (long) (asked == null ? left * share : left) / need.bytesPerToken();
        long tokens;
        if (asked != null) {
            tokens = Math.ceilDiv(OptionReader.positive("--max-total-tokens", asked), (long) pageSize) * pageSize;
            if (tokens > affordable) {
                long most = affordable / pageSize * pageSize;
                String room =
                        "no room for the " + gib(tokens * need.bytesPerToken()) + " of --max-total-tokens " + asked;
                String less = most == 0 ? "; free some" : "; ask for at most " + most + ", free some";
                throw tooLittle(facts, weights, workspace, room + less, need.smaller());
            }
        } else if (affordable < LEAST_TOKENS) {
            throw tooLittle(facts, weights, workspace, "no room for a KV cache; free some", need.smaller());
        } else if (affordable < need.mostTokens()) {
            tokens = affordable;
            reasons.add(String.format(
                    Locale.ROOT,
                    "KV cache: %d tokens are %.0f%% of what is left of %s after weights (%s) and workspace (%s)",
                    tokens,
                    share * 100,
                    gib(facts.availableBytes()),
                    gib(weights),
                    gib(workspace)));
        } else {
            tokens = need.mostTokens();
            reasons.add("KV cache: " + tokens + " tokens hold every running request at its longest");
        }
        return (int) Math.min(Integer.MAX_VALUE / pageSize - 1, Math.max(1, tokens / pageSize));
    }

    private static double share(Options.Cache cache, Facts facts) {
        double share = cache.memFractionStatic() == null ? facts.defaults().cacheShare() : cache.memFractionStatic();
        if (!(share > 0 && share < 1)) {
            throw RequestRejected.invalid(
                    "--mem-fraction-static", "--mem-fraction-static must be between 0 and 1, got " + share);
        }
        return share;
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
            long left = facts.availableBytes() - weights - plan.workspaceBytes() * ranks;
            boolean fits =
                    left * facts.defaults().cacheShare() >= (double) LEAST_TOKENS * plan.kvBytesPerToken() * ranks;
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

    /** Of the numbers that nothing is computed from, so that a wrong one is told before the weights are read. */
    private static void requireRanges(Options options) {
        OptionReader.positive("--decode-log-interval", options.schedule().decodeLogInterval());
        OptionReader.positive("--watchdog-timeout", options.schedule().watchdogTimeout());
        if (options.schedule().scheduleConservativeness() < 0) {
            throw RequestRejected.invalid(
                    "--schedule-conservativeness", "--schedule-conservativeness must not be negative");
        }
        double pace = options.schedule().decodePace();
        if (!(pace == 0 || pace > 1)) {
            throw RequestRejected.invalid(
                    "--decode-pace", "--decode-pace must be greater than 1, or 0 for no limit, got " + pace);
        }
        int port = options.server().port();
        if (port < 0 || port > 65535) {
            throw RequestRejected.invalid("--port", "--port must be between 0 and 65535, got " + port);
        }
        int timeout = options.server().shutdownTimeout();
        if (timeout < 0) {
            throw RequestRejected.invalid(
                    "--shutdown-timeout", "--shutdown-timeout must be at least 0, got " + timeout);
        }
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
    }
}
