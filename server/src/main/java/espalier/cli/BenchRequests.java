package espalier.cli;

import espalier.api.RequestRejected;
import espalier.config.Flag;
import espalier.load.Pace;
import espalier.load.Workload;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Which requests a load consists of, and how they arrive. */
record BenchRequests(
        @Flag(
                value = "--dataset-name",
                help = "Where the requests come from.",
                byDefault = "random-ids",
                label = "NAME")
        Dataset dataset,

        @Flag(
                value = "--dataset-path",
                help = "For token-ids: a line of JSON a request, with prompt (a list of ids) and max_tokens.",
                label = "FILE")
        @Nullable
        String datasetPath,

        @Flag(value = "--num-prompts", help = "Requests.", byDefault = "64", least = 1)
        int numPrompts,

        @Flag(
                value = {"--random-input-len", "--input-len"},
                help = "Tokens of a prompt, at most.",
                byDefault = "512",
                label = "TOKENS",
                least = 1)
        int inputLen,

        @Flag(
                value = {"--random-output-len", "--output-len"},
                help = "Tokens of an answer, at most.",
                byDefault = "128",
                label = "TOKENS",
                least = 1)
        int outputLen,

        @Flag(
                value = "--random-range-ratio",
                help = "Least length as a share of the greatest.",
                byDefault = "0.0",
                label = "SHARE")
        double rangeRatio,

        @Flag(
                value = "--input-sigma",
                help = "For log-normal, whose lengths are means: spread of the prompts.",
                byDefault = "1.1",
                label = "X")
        double inputSigma,

        @Flag(value = "--output-sigma", help = "Spread of the answers.", byDefault = "0.9", label = "X")
        double outputSigma,

        @Flag(
                value = "--greatest-len",
                help = "For log-normal: longest prompt and answer.",
                byDefault = "1024",
                label = "TOKENS")
        int greatestLen,

        @Flag(value = "--gsp-num-groups", help = "Groups that share a prefix.", byDefault = "1", label = "N", least = 1)
        int groups,

        @Flag(
                value = "--gsp-system-prompt-len",
                help = "Tokens of a shared prefix.",
                byDefault = "512",
                label = "TOKENS",
                least = 1)
        int prefixLen,

        @Flag(
                value = "--gsp-question-len",
                help = "Tokens after the shared prefix.",
                byDefault = "32",
                label = "TOKENS",
                least = 1)
        int questionLen,

        @Flag(value = "--gsp-output-len", help = "Tokens of an answer.", byDefault = "16", label = "TOKENS", least = 1)
        int groupOutputLen,

        @Flag(
                value = {"--seed", "--bench-seed"},
                help = "Makes the requests.",
                byDefault = "42",
                label = "SEED")
        int seed,

        @Flag(
                value = "--request-rate",
                help = "Requests a second, Poisson; inf sends all.",
                byDefault = "inf",
                label = "X")
        String requestRate,

        @Flag(
                value = "--max-concurrency",
                help = "Requests under way at once.",
                byDefault = "32",
                label = "N",
                least = 1)
        int maxConcurrency) {

    /** Where the requests come from. */
    enum Dataset {
        RANDOM_IDS,
        /** The same, by SGLang's name. */
        RANDOM,
        LOG_NORMAL,
        GENERATED_SHARED_PREFIX,
        TOKEN_IDS
    }

    /** Of a log-normal prompt or answer, in tokens. */
    private static final int LEAST_LENGTH = 4;

    private Workload fromFile() {
        if (datasetPath == null) {
            throw RequestRejected.invalid("--dataset-path", "--dataset-name token-ids needs --dataset-path FILE");
        }
        try {
            return Workload.file(Path.of(datasetPath), numPrompts);
        } catch (IOException e) {
            throw RequestRejected.invalid("--dataset-path", "--dataset-path: " + e);
        }
    }

    Workload workload(int vocabulary) {
        var shape = new Workload.Shape(numPrompts, vocabulary, seed);
        return switch (dataset) {
            case RANDOM_IDS, RANDOM -> Workload.randomIds(shape, inputLen, outputLen, rangeRatio);
            case LOG_NORMAL ->
                Workload.logNormal(
                        shape,
                        new Workload.Lengths(inputLen, inputSigma, LEAST_LENGTH, greatestLen),
                        new Workload.Lengths(outputLen, outputSigma, LEAST_LENGTH, greatestLen));
            case GENERATED_SHARED_PREFIX ->
                Workload.sharedPrefix(shape, groups, prefixLen, questionLen, groupOutputLen);
            case TOKEN_IDS -> fromFile();
        };
    }

    Pace pace() {
        return new Pace(rate(), maxConcurrency, seed);
    }

    private double rate() {
        if (requestRate.equals("inf")) {
            return Double.POSITIVE_INFINITY;
        }
        try {
            double rate = Double.parseDouble(requestRate);
            if (rate > 0) {
                return rate;
            }
        } catch (NumberFormatException _) {
            // said below
        }
        throw RequestRejected.invalid(
                "--request-rate", "--request-rate takes inf or a number above 0, got '" + requestRate + "'");
    }

    /** Refuses numbers that no load can be made of. */
    BenchRequests checked() {
        if (greatestLen < LEAST_LENGTH || !(inputSigma >= 0 && outputSigma >= 0)) {
            throw RequestRejected.invalid(
                    "--greatest-len",
                    "log-normal lengths need --greatest-len of at least " + LEAST_LENGTH + " and no negative sigma");
        }
        if (!(rangeRatio >= 0 && rangeRatio <= 1)) {
            throw RequestRejected.invalid(
                    "--random-range-ratio", "--random-range-ratio must be between 0 and 1, got " + rangeRatio);
        }
        return this;
    }
}
