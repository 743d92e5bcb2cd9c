package espalier.cli;

import espalier.api.RequestRejected;
import espalier.config.Flag;
import espalier.config.OptionReader;
import espalier.load.Pace;
import espalier.load.Workload;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Which requests a load consists of, and how they arrive. */
record BenchRequests(
        @Flag(
                value = "--dataset-name",
                help = "random-ids, log-normal, generated-shared-prefix or token-ids.",
                byDefault = "random-ids",
                label = "NAME")
        String dataset,

        @Flag(
                value = "--dataset-path",
                help = "For token-ids: a line of JSON a request, with prompt (a list of ids) and max_tokens.",
                label = "FILE")
        @Nullable
        String datasetPath,

        @Flag(value = "--num-prompts", help = "Requests.", byDefault = "64")
        int numPrompts,

        @Flag(
                value = {"--random-input-len", "--input-len"},
                help = "Tokens of a prompt, at most.",
                byDefault = "512",
                label = "TOKENS")
        int inputLen,

        @Flag(
                value = {"--random-output-len", "--output-len"},
                help = "Tokens of an answer, at most.",
                byDefault = "128",
                label = "TOKENS")
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

        @Flag(value = "--gsp-num-groups", help = "Groups that share a prefix.", byDefault = "1", label = "N")
        int groups,

        @Flag(
                value = "--gsp-system-prompt-len",
                help = "Tokens of a shared prefix.",
                byDefault = "512",
                label = "TOKENS")
        int prefixLen,

        @Flag(
                value = "--gsp-question-len",
                help = "Tokens after the shared prefix.",
                byDefault = "32",
                label = "TOKENS")
        int questionLen,

        @Flag(value = "--gsp-output-len", help = "Tokens of an answer.", byDefault = "16", label = "TOKENS")
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

        @Flag(value = "--max-concurrency", help = "Requests under way at once.", byDefault = "32", label = "N")
        int maxConcurrency) {

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
            case "random-ids", "random" -> Workload.randomIds(shape, inputLen, outputLen, rangeRatio);
            case "log-normal" ->
                Workload.logNormal(
                        shape,
                        new Workload.Lengths(inputLen, inputSigma, LEAST_LENGTH, greatestLen),
                        new Workload.Lengths(outputLen, outputSigma, LEAST_LENGTH, greatestLen));
            case "generated-shared-prefix" ->
                Workload.sharedPrefix(shape, groups, prefixLen, questionLen, groupOutputLen);
            case "token-ids" -> fromFile();
            default ->
                throw RequestRejected.invalid(
                        "--dataset-name",
                        "--dataset-name takes random-ids, log-normal, generated-shared-prefix or token-ids, got '"
                                + dataset + "'");
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
        OptionReader.positive("--num-prompts", numPrompts);
        OptionReader.positive("--random-input-len", inputLen);
        OptionReader.positive("--random-output-len", outputLen);
        OptionReader.positive("--gsp-num-groups", groups);
        OptionReader.positive("--gsp-system-prompt-len", prefixLen);
        OptionReader.positive("--gsp-question-len", questionLen);
        OptionReader.positive("--gsp-output-len", groupOutputLen);
        OptionReader.positive("--max-concurrency", maxConcurrency);
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
