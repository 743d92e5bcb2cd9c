package espalier.text;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Reads the parts of a {@code tokenizer.json} around the model: each component becomes the list of its steps. */
final class ComponentJson {
    private ComponentJson() {}

    static List<PreTokenizer> preTokenizers(Fields json) {
        return switch (json.text("type")) {
            case "Sequence" ->
                json.objects("pretokenizers").stream()
                        .flatMap(part -> preTokenizers(part).stream())
                        .toList();
            case "ByteLevel" -> byteLevel(json);
            case "Split" ->
                List.of(new PreTokenizer.Split(
                        pattern(json), behavior(json, "behavior", null), json.flag("invert", false)));
            case "Whitespace" ->
                List.of(new PreTokenizer.Split(new Finder.WordsAndSymbols(), SplitBehavior.REMOVED, true));
            case "WhitespaceSplit" -> List.of(at(new Finder.CharClass.Whitespace(), SplitBehavior.REMOVED));
            case "BertPreTokenizer" ->
                List.of(
                        at(new Finder.CharClass.Whitespace(), SplitBehavior.REMOVED),
                        at(new Finder.CharClass.Punctuation(), SplitBehavior.ISOLATED));
            case "Punctuation" ->
                List.of(at(new Finder.CharClass.Punctuation(), behavior(json, "behavior", SplitBehavior.ISOLATED)));
            case "Digits" ->
                List.of(at(
                        new Finder.CharClass.Numeric(),
                        json.flag("individual_digits", false) ? SplitBehavior.ISOLATED : SplitBehavior.CONTIGUOUS));
            case "CharDelimiterSplit", "Delimiter" ->
                List.of(at(new Finder.CharClass.Single(character(json, "delimiter")), SplitBehavior.REMOVED));
            case "Metaspace" -> metaspace(json);
            case "UnicodeScripts" -> List.of(new PreTokenizer.Scripts());
            case "FixedLength" -> List.of(new PreTokenizer.FixedLength(positive(json, "length", 5)));
            default ->
                throw unknown(
                        json,
                        "pre-tokenizer",
                        "ByteLevel, Split, Metaspace, Whitespace, WhitespaceSplit, "
                                + "BertPreTokenizer, Punctuation, Digits, CharDelimiterSplit, UnicodeScripts, "
                                + "FixedLength, Sequence");
        };
    }

    private static List<PreTokenizer> byteLevel(Fields json) {
        List<PreTokenizer> steps = new ArrayList<>();
        if (json.flag("add_prefix_space", true)) {
            steps.add(new PreTokenizer.PrefixSpace());
        }
        if (json.flag("use_regex", true)) {
            steps.add(new PreTokenizer.Split(new Finder.Words(WordScanner.GPT2), SplitBehavior.ISOLATED, false));
        }
        steps.add(new PreTokenizer.ByteMap());
        return steps;
    }

    private static List<PreTokenizer> metaspace(Fields json) {
        int replacement = character(json, "replacement");
        PreTokenizer rewrite = new PreTokenizer.Metaspace(Character.toString(replacement), prependScheme(json));
        return json.flag("split", true)
                ? List.of(rewrite, at(new Finder.CharClass.Single(replacement), SplitBehavior.MERGED_WITH_NEXT))
                : List.of(rewrite);
    }

    private static PreTokenizer.PrependScheme prependScheme(Fields json) {
        if (!json.flag("add_prefix_space", true)) {
            return PreTokenizer.PrependScheme.NEVER;
        }
        String scheme = json.text("prepend_scheme", "always");
        return switch (scheme) {
            case "first" -> PreTokenizer.PrependScheme.FIRST;
            case "never" -> PreTokenizer.PrependScheme.NEVER;
            case "always" -> PreTokenizer.PrependScheme.ALWAYS;
            default -> throw json.fault("'prepend_scheme' must be first, never or always, not '" + scheme + "'");
        };
    }

    private static PreTokenizer at(Finder.CharClass members, SplitBehavior behavior) {
        return new PreTokenizer.Split(new Finder.OneOf(members), behavior, false);
    }

    static List<Decoder> decoders(Fields json) {
        return switch (json.text("type")) {
            case "Sequence" ->
                json.objects("decoders").stream()
                        .flatMap(part -> decoders(part).stream())
                        .toList();
            case "ByteLevel" -> List.of(new Decoder.ByteLevel());
            case "ByteFallback" -> List.of(new Decoder.ByteFallback());
            case "Fuse" -> List.of(new Decoder.Fuse());
            case "Strip" ->
                List.of(new Decoder.Strip(character(json, "content"), json.number("start", 0), json.number("stop", 0)));
            case "Replace" -> List.of(new Decoder.Replace(pattern(json), json.text("content")));
            case "Metaspace" ->
                List.of(new Decoder.Metaspace(
                        Character.toString(character(json, "replacement")),
                        prependScheme(json) != PreTokenizer.PrependScheme.NEVER));
            case "WordPiece" -> List.of(new Decoder.WordPiece(json.text("prefix", "##"), json.flag("cleanup", true)));
            case "BPEDecoder" -> List.of(new Decoder.WordSuffix(json.text("suffix", "</w>")));
            case "CTC" ->
                List.of(new Decoder.Ctc(
                        json.text("pad_token", "<pad>"),
                        json.text("word_delimiter_token", "|"),
                        json.flag("cleanup", true)));
            default ->
                throw unknown(
                        json,
                        "decoder",
                        "ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, WordPiece, "
                                + "BPEDecoder, CTC, Sequence");
        };
    }

    static PostProcessor postProcessor(Fields json) {
        return switch (json.text("type")) {
            case "Sequence" ->
                json.objects("processors").stream()
                        .map(ComponentJson::postProcessor)
                        .reduce(PostProcessor.NONE, PostProcessor::within);
            case "ByteLevel" -> PostProcessor.NONE;
            case "BertProcessing", "RobertaProcessing" ->
                new PostProcessor(List.of(pairId(json, "cls"), PostProcessor.TEXT, pairId(json, "sep")));
            case "TemplateProcessing" -> template(json);
            default ->
                throw unknown(
                        json,
                        "post-processor",
                        "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, " + "Sequence");
        };
    }

    private static PostProcessor template(Fields json) {
        List<Integer> template = new ArrayList<>();
        for (Fields piece : json.objects("single")) {
            if (piece.value("Sequence") != null) {
                template.add(PostProcessor.TEXT);
                continue;
            }
            String name = piece.object("SpecialToken").text("id");
            JsonNode ids = json.object("special_tokens").object(name).value("ids");
            if (ids == null || !ids.isArray()) {
                throw json.fault("special token '" + name + "' has no list 'ids'");
            }
            for (JsonNode id : ids) {
                template.add(tokenId(json, id));
            }
        }
        return new PostProcessor(List.copyOf(template));
    }

    private static int pairId(Fields json, String name) {
        JsonNode pair = json.value(name);
        if (pair == null || !pair.isArray() || pair.size() != 2) {
            throw json.fault("'" + name + "' must be a pair of token and id");
        }
        return tokenId(json, pair.get(1));
    }

    private static int tokenId(Fields json, JsonNode id) {
        if (!id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= Vocabulary.ID_LIMIT) {
            throw json.fault("'" + id + "' is not a token's id");
        }
        return id.intValue();
    }

    /** A {@code pattern}: a text to be found as it is, or a regular expression. */
    static Finder pattern(Fields json) {
        Fields pattern = json.object("pattern");
        String literal = pattern.textOrNull("String");
        if (literal != null) {
            return new Finder.Literal(literal);
        }
        String regex = pattern.text("Regex");
        for (WordScanner scanner : WordScanner.values()) {
            if (scanner.pattern().equals(regex)) {
                return new Finder.Words(scanner);
            }
        }
        try {
            return new Finder.Regex(OnigPattern.compile(regex));
        } catch (IllegalArgumentException e) {
            throw json.fault(String.valueOf(e.getMessage()));
        }
    }

    private static SplitBehavior behavior(
            Fields json, String name, @org.jspecify.annotations.Nullable SplitBehavior otherwise) {
        String behavior = json.textOrNull(name);
        if (behavior == null && otherwise != null) {
            return otherwise;
        }
        return switch (String.valueOf(behavior)) {
            case "Removed" -> SplitBehavior.REMOVED;
            case "Isolated" -> SplitBehavior.ISOLATED;
            case "MergedWithPrevious" -> SplitBehavior.MERGED_WITH_PREVIOUS;
            case "MergedWithNext" -> SplitBehavior.MERGED_WITH_NEXT;
            case "Contiguous" -> SplitBehavior.CONTIGUOUS;
            default ->
                throw json.fault("'" + name + "' must be Removed, Isolated, MergedWithPrevious, MergedWithNext or "
                        + "Contiguous, not '" + behavior + "'");
        };
    }

    private static int character(Fields json, String name) {
        String text = json.text(name);
        if (text.isEmpty() || text.codePointCount(0, text.length()) != 1) {
            throw json.fault("'" + name + "' must be one character, not '" + text + "'");
        }
        return text.codePointAt(0);
    }

    private static int positive(Fields json, String name, int otherwise) {
        int number = json.number(name, otherwise);
        if (number < 1) {
            throw json.fault("'" + name + "' must be at least 1, not " + number);
        }
        return number;
    }

    static espalier.api.EngineFault unknown(Fields json, String what, String known) {
        return json.fault("unknown " + what + " '" + json.text("type") + "'; known are " + known);
    }
}
