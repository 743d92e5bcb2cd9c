package espalier.checkpoint.hub;

import java.util.List;
import java.util.regex.Pattern;

/** Chooses the files of a repository that serving reads: small ones first, so that an error in them comes early. */
final class WantedFiles {
    private static final Pattern SMALL = Pattern.compile(
            "[\\w.-]+\\.(json|jinja)|additional_chat_templates/[\\w.-]+\\.jinja|merges\\.txt|vocab\\.txt|tokenizer\\.model");

    /** Records of a training, or indexes of formats that are not read. */
    private static final Pattern USELESS = Pattern.compile(
            "trainer_state\\.json|.*results\\.json|.*\\.(bin|h5|msgpack)\\.index\\.json|\\..*|.*\\.\\..*");

    private static final Pattern STANDARD_WEIGHTS = Pattern.compile("model(-\\d+-of-\\d+)?\\.safetensors");
    private static final Pattern WEIGHTS = Pattern.compile("(?!\\.)[\\w.-]+\\.safetensors");
    private static final Pattern OTHER_WEIGHTS = Pattern.compile(".*\\.(bin|pth|pt|h5|msgpack)");

    private WantedFiles() {}

    /** @param files every path in the repository */
    static List<String> of(HubRequest request, List<String> files) {
        if (isGguf(request, files)) {
            return GgufFiles.of(request.gguf(), request.model(), files);
        }
        List<String> small = files.stream()
                .filter(file ->
                        SMALL.matcher(file).matches() && !USELESS.matcher(file).matches())
                .toList();
        return switch (request.wanted()) {
            case EVERYTHING -> withWeights(request, requireConfig(request, small), files);
            case ALL_BUT_WEIGHTS -> requireConfig(request, small);
            case TOKENIZER -> requireTokenizer(request, small);
        };
    }

    /** Whether a GGUF file is what serves: one was asked for, or nothing else is there. It holds all but its weights too. */
    static boolean isGguf(HubRequest request, List<String> files) {
        return (request.wanted() != HubRequest.Wanted.TOKENIZER || !(request.gguf() instanceof GgufChoice.Unsaid))
                && GgufFiles.serves(request.gguf(), files);
    }

    private static List<String> requireConfig(HubRequest request, List<String> small) {
        if (!small.contains("config.json")) {
            throw HubErrors.fault(request.model() + ": the repository has no config.json, so it is not a model that can"
                    + " be served");
        }
        return small;
    }

    private static List<String> requireTokenizer(HubRequest request, List<String> small) {
        if (!small.contains("tokenizer.json")) {
            throw HubErrors.fault(request.model() + ": the repository has no tokenizer.json"
                    + (small.contains("tokenizer.model")
                            ? "; tokenizer.model alone is not read: load it with the transformers library and save it as a"
                                    + " fast tokenizer, which writes tokenizer.json"
                            : ""));
        }
        return small;
    }

    private static List<String> withWeights(HubRequest request, List<String> small, List<String> files) {
        List<String> weights = weights(files);
        if (weights.isEmpty()) {
            throw HubErrors.fault(request.model() + ": the repository has no safetensors"
                    + files.stream()
                            .filter(file -> OTHER_WEIGHTS.matcher(file).matches())
                            .findFirst()
                            .map(file -> "; its weights are in " + file + ", a format that is not read: look for a"
                                    + " converted copy of the model, or convert it")
                            .orElse(""));
        }
        return java.util.stream.Stream.concat(small.stream(), weights.stream()).toList();
    }

    /** The files by the usual names; only where there are none, whatever other safetensors there are. */
    private static List<String> weights(List<String> files) {
        List<String> standard = files.stream()
                .filter(file -> STANDARD_WEIGHTS.matcher(file).matches())
                .toList();
        // A repository that has the model both whole and in shards is read whole.
        if (standard.contains("model.safetensors")) {
            return List.of("model.safetensors");
        }
        return standard.isEmpty()
                ? files.stream().filter(file -> WEIGHTS.matcher(file).matches()).toList()
                : standard;
    }
}
