package espalier.config;

import espalier.model.Quantization;
import org.jspecify.annotations.Nullable;

/**
 * What the user said, and nothing computed from it: one record component is one flag. {@link Resolver} alone combines
 * them with facts about the model and the device.
 */
public record Options(Model model, Device device, Cache cache, Schedule schedule, Server server) {

    /** Everything at its default. */
    public static Options defaults() {
        return OptionReader.defaults(Options.class);
    }

    public Options withServedModelName(String name) {
        return new Options(model.with(name, model.quantization), device, cache, schedule, server);
    }

    /** The same model in its own weights and as {@code --kv-cache-dtype auto} has it. */
    public Options unquantized() {
        return new Options(
                model.with(model.servedModelName, Quantization.NONE),
                device,
                cache.withKvCacheDtype("auto"),
                schedule,
                server);
    }

    /** Which model, and how it is read. */
    public record Model(
            @Flag(
                    value = {"--model-path", "--model"},
                    help =
                            "A Hugging Face folder, a GGUF file, or a hub id such as org/name or org/name:Q4_K_M (a GGUF file there); the bundled demo model by default.",
                    label = "PATH_OR_ID")
            @Nullable
            String modelPath,

            @Flag(
                    value = "--gguf-file",
                    help = "Which GGUF file of the folder or hub repository; of shards any.",
                    label = "NAME")
            @Nullable
            String ggufFile,

            @Flag(
                    value = "--tokenizer-path",
                    help = "Folder or hub id of the tokenizer; the model's own by default.",
                    label = "PATH_OR_ID")
            @Nullable
            String tokenizerPath,

            @Flag(
                    value = "--served-model-name",
                    help = "The name that /v1/models lists; the model path by default.",
                    label = "NAME")
            @Nullable
            String servedModelName,

            @Flag(
                    value = "--chat-template",
                    help = "A .jinja or .json file, or the name of one of the model's templates.",
                    label = "FILE_OR_NAME")
            @Nullable
            String chatTemplate,

            @Flag(
                    value = "--load-format",
                    help =
                            "auto and safetensors read the checkpoint; dummy makes random weights from config.json alone.",
                    byDefault = "auto")
            LoadFormat loadFormat,

            @Flag(value = "--revision", help = "Branch, tag or commit on the hub.", byDefault = "main")
            String revision,

            @Flag(
                    value = "--download-dir",
                    help = "Folder of the hub's cache; HF_HUB_CACHE, or hub in HF_HOME, by default.",
                    label = "FOLDER")
            @Nullable
            String downloadDir,

            @Flag(value = "--hf-token", help = "Token for the hub; HF_TOKEN by default.", label = "TOKEN") @Nullable
            String hfToken,

            @Flag(
                    value = "--dtype",
                    help =
                            "float32 computes and caches in f32, on the CPU alone. With the others keys and values, and all that a GPU computes, have 16 bits: bfloat16, unless float16 is asked for.",
                    byDefault = "auto")
            Arithmetic dtype,

            @Flag(
                    value = "--quantization",
                    help =
                            "Turns plain weights into 8 or 4 bits while they are loaded; int8 and int4 take the format that measured best.",
                    byDefault = "none")
            Quantization quantization,

            @Flag(
                    value = "--context-length",
                    help = "Most tokens of prompt and answer together; the model's own by default.",
                    label = "TOKENS",
                    least = 2)
            @Nullable
            Integer contextLength,

            @Flag(
                    value = "--sampling-defaults",
                    help =
                            "Where defaults of sampling come from: generation_config.json (model), or the API's own (openai).",
                    byDefault = "model")
            SamplingDefaults samplingDefaults,

            @Flag(
                    value = "--trust-remote-code",
                    help = "Accepted for compatibility: Espalier never runs code from a checkpoint.")
            boolean trustRemoteCode) {

        private Model with(@Nullable String name, Quantization weights) {
            return new Model(
                    modelPath,
                    ggufFile,
                    tokenizerPath,
                    name,
                    chatTemplate,
                    loadFormat,
                    revision,
                    downloadDir,
                    hfToken,
                    dtype,
                    weights,
                    contextLength,
                    samplingDefaults,
                    trustRemoteCode);
        }

        /** Without the token. */
        @Override
        public String toString() {
            return "Model" + OptionReader.flat(this);
        }
    }

    /** Where it runs. */
    public record Device(
            @Flag(value = "--device", help = "auto takes CUDA if it is usable, else the CPU.", byDefault = "auto")
            String device,

            @Flag(
                    value = {"--tp-size", "--tp", "--tensor-parallel-size"},
                    help = "Ranks that share the model, layer by layer; more than one on the CPU alone.",
                    byDefault = "1",
                    label = "RANKS",
                    least = 1)
            int tpSize,

            @Flag(
                    value = "--cpu-threads",
                    help = "Threads of the CPU device for all ranks together; one a physical core by default.",
                    label = "N",
                    least = 1)
            @Nullable
            Integer cpuThreads,

            @Flag(
                    value = "--cpu-kernels",
                    help =
                            "Instructions of the CPU device's matrix products: auto takes the best that the machine has for"
                                    + " many sequences, latency (and auto with --max-running-requests 1) for a single one.",
                    byDefault = "auto")
            CpuKernels cpuKernels,

            @Flag(
                    value = "--cuda-graph-max-bs",
                    help = "The largest batch of decoding steps that a GPU records beforehand as a CUDA graph.",
                    byDefault = "256",
                    label = "N",
                    least = 1)
            int cudaGraphMaxBs,

            @Flag(value = "--disable-cuda-graph", help = "Record no decoding steps as CUDA graphs.")
            boolean disableCudaGraph,

            @Flag(
                    value = "--disable-cascade-attn",
                    help = "Read a prefix that decoding sequences share by each of them, not once for all.")
            boolean disableCascadeAttn,

            @Flag(
                    value = "--enable-deterministic-inference",
                    help =
                            "On a GPU too, an answer has the same bits whatever else is in the batch; on the CPU it always has.")
            boolean enableDeterministicInference) {}

    /** The KV cache. */
    public record Cache(
            @Flag(
                    value = "--mem-fraction-static",
                    help =
                            "Share of the device's memory for weights and KV cache; computed by default: 0.4 of the rest on the CPU, all but a reserve on a GPU.",
                    label = "SHARE")
            @Nullable
            Double memFractionStatic,

            @Flag(
                    value = "--max-total-tokens",
                    help = "Tokens that the KV cache holds; computed from the memory by default.",
                    label = "TOKENS",
                    least = 1)
            @Nullable
            Integer maxTotalTokens,

            @Flag(
                    value = "--kv-cache-dtype",
                    help =
                            "What keys and values are stored as: auto follows --dtype; bf16; on the CPU also fp8_e4m3, fp8_e5m2 and int8, which hold nearly twice the tokens.",
                    byDefault = "auto",
                    label = "TYPE")
            String kvCacheDtype,

            @Flag(
                    value = "--page-size",
                    help = "Tokens a page of the KV cache.",
                    byDefault = "1",
                    label = "TOKENS",
                    least = 1)
            int pageSize,

            @Flag(value = "--disable-radix-cache", help = "Keep no prefixes for later requests.")
            boolean disableRadixCache) {

        private Cache withKvCacheDtype(String type) {
            return new Cache(memFractionStatic, maxTotalTokens, type, pageSize, disableRadixCache);
        }
    }

    /** What runs next. */
    public record Schedule(
            @Flag(
                    value = "--max-running-requests",
                    help = "Sequences that run at once; computed by default.",
                    label = "N",
                    least = 1)
            @Nullable
            Integer maxRunningRequests,

            @Flag(
                    value = "--max-queued-requests",
                    help = "Requests that may wait for a seat; more are refused with 503. Unlimited by default.",
                    label = "N",
                    least = 1)
            @Nullable
            Integer maxQueuedRequests,

            @Flag(
                    value = "--chunked-prefill-size",
                    help = "Most prompt tokens a step; -1 reads each prompt in one step.",
                    label = "TOKENS")
            @Nullable
            Integer chunkedPrefillSize,

            @Flag(
                    value = "--max-prefill-tokens",
                    help = "Most prompt tokens of all the requests that one step begins.",
                    byDefault = "16384",
                    label = "TOKENS",
                    least = 1)
            int maxPrefillTokens,

            @Flag(
                    value = "--decode-pace",
                    help =
                            "While sequences decode, a step that also reads prompts takes at most so many times as long as one that only decodes; 0 for no limit.",
                    byDefault = "3.0",
                    label = "X")
            double decodePace,

            @Flag(
                    value = "--schedule-policy",
                    help = "Order of waiting requests: fcfs, lpm, dfs-weight, lof, random or priority.",
                    byDefault = "fcfs",
                    label = "POLICY")
            String schedulePolicy,

            @Flag(
                    value = "--schedule-conservativeness",
                    help = "Greater admits more carefully and retracts less often.",
                    byDefault = "1.0",
                    label = "X")
            double scheduleConservativeness,

            @Flag(
                    value = "--disable-overlap-schedule",
                    help = "Finish the host's work on a step before the next one begins.")
            boolean disableOverlapSchedule,

            @Flag(
                    value = "--random-seed",
                    help = "Makes the seeds of requests that give none repeatable.",
                    label = "SEED")
            @Nullable
            Long randomSeed,

            @Flag(
                    value = "--decode-log-interval",
                    help = "Decode steps between two log lines.",
                    byDefault = "40",
                    label = "STEPS",
                    least = 1)
            int decodeLogInterval,

            @Flag(
                    value = "--watchdog-timeout",
                    help =
                            "Seconds after which a step fails the engine if it has not ended, nor gone on to another layer.",
                    byDefault = "300",
                    label = "SECONDS",
                    least = 1)
            int watchdogTimeout) {}

    /** The HTTP server. */
    public record Server(
            @Flag(value = "--host", help = "Address to listen on.", byDefault = "127.0.0.1")
            String host,

            @Flag(value = "--port", help = "Port to listen on; 0 takes a free one.", byDefault = "30000")
            int port,

            @Flag(value = "--api-key", help = "Key that every request must carry as a bearer token.", label = "KEY")
            @Nullable
            String apiKey,

            @Flag(value = "--enable-metrics", help = "Serve Prometheus metrics at /metrics.")
            boolean enableMetrics,

            @Flag(value = "--enable-cache-report", help = "Report cached prompt tokens in the usage of OpenAI answers.")
            boolean enableCacheReport,

            @Flag(
                    value = "--incremental-streaming-output",
                    help = "Stream what is new in each event of /generate rather than all text so far.")
            boolean incrementalStreamingOutput,

            @Flag(value = "--log-level", help = "debug, info, warning or error.", byDefault = "info", label = "LEVEL")
            String logLevel,

            @Flag(
                    value = "--shutdown-timeout",
                    help = "Seconds that open requests get to finish when the server is asked to stop.",
                    byDefault = "30",
                    label = "SECONDS",
                    least = 0)
            int shutdownTimeout) {

        /** Without the key. */
        @Override
        public String toString() {
            return "Server" + OptionReader.flat(this);
        }
    }

    /** Where the weights come from. */
    public enum LoadFormat {
        AUTO,
        SAFETENSORS,
        DUMMY
    }

    /** What numbers are computed and cached in. */
    public enum Arithmetic {
        AUTO,
        FLOAT32,
        BFLOAT16,
        FLOAT16
    }

    /** An instruction set for the CPU device, or what it is to choose the best ones for. */
    public enum CpuKernels {
        AUTO,
        LATENCY,
        AMX,
        AVX512,
        AVX2,
        VECTOR
    }

    /** Whose sampling defaults hold. */
    public enum SamplingDefaults {
        MODEL,
        OPENAI
    }
}
