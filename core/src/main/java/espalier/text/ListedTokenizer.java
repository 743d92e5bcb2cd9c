package espalier.text;

import espalier.base.Nearest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Makes the parts of a tokenizer out of a {@link TokenList}. */
final class ListedTokenizer {
    private static final String SPACE = "\u2581";

    private final TokenList list;
    private final Vocabulary vocabulary;
    private final List<AddedToken> added = new ArrayList<>();
    private @Nullable String unknown;

    private ListedTokenizer(TokenList list) {
        this.list = list;
        var words = new Vocabulary.Builder();
        for (int id = 0; id < list.tokens().size(); id++) {
            String token = list.tokens().get(id);
            words.add(token, id);
            switch (list.kinds()[id]) {
                case NORMAL -> {}
                case UNKNOWN -> {
                    unknown = token;
                    added.add(added(id, token, true));
                }
                case CONTROL -> added.add(added(id, token, true));
                case USER_DEFINED -> added.add(added(id, token, false));
            }
        }
        vocabulary = words.build();
    }

    private static AddedToken added(int id, String token, boolean special) {
        return new AddedToken(id, token, false, false, false, false, special);
    }

    /** @param bos before every text, and {@code eos} behind it; -1 for none */
    static TokenizerParts parts(TokenList list, int bos, int eos) {
        var template = new ArrayList<Integer>();
        if (bos >= 0) {
            template.add(bos);
        }
        template.add(PostProcessor.TEXT);
        if (eos >= 0) {
            template.add(eos);
        }
        var around = new PostProcessor(List.copyOf(template));
        var made = new ListedTokenizer(list);
        return switch (list) {
            case TokenList.ByteLevel bytes -> made.byteLevel(bytes, around);
            case TokenList.Scored scored -> made.scored(scored, around);
        };
    }

    private TokenizerParts byteLevel(TokenList.ByteLevel bytes, PostProcessor around) {
        Words words = Words.of(bytes);
        var merges = new MergeTable(bytes.merges().size());
        for (int rank = 0; rank < bytes.merges().size(); rank++) {
            String line = bytes.merges().get(rank);
            int space = line.indexOf(' ', 1);
            if (space < 0) {
                throw fault("merge " + rank + " is '" + line + "', not a pair of two tokens");
            }
            String left = line.substring(0, space);
            String right = line.substring(space + 1);
            merges.put(known(left, rank), known(right, rank), rank, known(left + right, rank));
        }
        var options = new BpeOptions(null, "", "", false, false, words.wholeFirst);
        var steps = new ArrayList<>(words.steps);
        steps.add(new PreTokenizer.ByteMap());
        return new TokenizerParts(
                new Bpe(vocabulary, merges, options),
                new AddedVocabulary(vocabulary, words.normalizers, added),
                steps,
                around,
                List.of(new Decoder.ByteLevel()));
    }

    private int known(String token, int rank) {
        int id = vocabulary.find(token);
        if (id < 0) {
            throw fault("merge " + rank + " needs the token '" + token + "', which is not in the list");
        }
        return id;
    }

    private TokenizerParts scored(TokenList.Scored scored, PostProcessor around) {
        var normalizers = new ArrayList<Normalizer>();
        var decoders = new ArrayList<Decoder>();
        decoders.add(new Decoder.Replace(new Finder.Literal(SPACE), " "));
        decoders.add(new Decoder.ByteFallback());
        decoders.add(new Decoder.Fuse());
        if (scored.spaceFirst()) {
            normalizers.add(new Normalizer.Prepend(SPACE));
            decoders.add(new Decoder.Strip(' ', 1, 0));
        }
        normalizers.add(new Normalizer.Replace(new Finder.Literal(" "), SPACE));
        var options = new BpeOptions(unknown, "", "", true, true, false);
        return new TokenizerParts(
                new Bpe(vocabulary, merges(scored), options),
                new AddedVocabulary(vocabulary, normalizers, added),
                List.of(),
                around,
                decoders);
    }

    private record Pair(int left, int right, int merged, double score, int leftLength, int rightLength) {}

    /**
     * Every way to cut a token into two, the token of the highest score first; among equal scores in the order that the
     * transformers library gives them.
     */
    private MergeTable merges(TokenList.Scored scored) {
        var pairs = new ArrayList<Pair>();
        for (int id = 0; id < scored.tokens().size(); id++) {
            String token = scored.tokens().get(id);
            var own = new ArrayList<Pair>();
            int length = token.codePointCount(0, token.length());
            for (int i = 1; i < length; i++) {
                int cut = token.offsetByCodePoints(0, i);
                int left = vocabulary.find(token.substring(0, cut));
                int right = vocabulary.find(token.substring(cut));
                if (left >= 0 && right >= 0) {
                    own.add(new Pair(left, right, id, scored.scores()[id], i, length - i));
                }
            }
            own.sort(Comparator.comparingInt(Pair::left).thenComparingInt(Pair::right));
            pairs.addAll(own);
        }
        pairs.sort(Comparator.comparingDouble(Pair::score)
                .thenComparingInt(Pair::leftLength)
                .thenComparingInt(Pair::rightLength)
                .reversed());
        var table = new MergeTable(pairs.size());
        for (int rank = 0; rank < pairs.size(); rank++) {
            Pair p = pairs.get(rank);
            table.put(p.left, p.right, rank, p.merged);
        }
        return table;
    }

    private espalier.api.EngineFault fault(String why) {
        return Fields.fault(list.source(), "tokenizer", why);
    }

    /**
     * How a text comes apart into words, by llama.cpp's name for it.
     *
     * @param wholeFirst a word that is a token is that token, whatever the merges would make of it
     * @param bosFirst begins a text with a beginning-of-text by default
     */
    record Words(List<PreTokenizer> steps, List<Normalizer> normalizers, boolean wholeFirst, boolean bosFirst) {
        private static final PreTokenizer DIGITS =
                new PreTokenizer.Split(new Finder.OneOf(new Finder.CharClass.Numeric()), SplitBehavior.ISOLATED, false);

        /** As Mistral's tekken.json has it. */
        private static final String TEKKEN =
                "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
                        + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
                        + "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

        /** As DeepSeek's first tokenizer.json has them: letters of alphabets with two cases. */
        private static final String DEEPSEEK_LETTERS =
                "\\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF"
                        + "\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5"
                        + "\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA"
                        + "\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45"
                        + "\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-"
                        + "\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107"
                        + "\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F"
                        + "\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D"
                        + "\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17"
                        + "\uFF21-\uFF3A\uFF41-\uFF5A\uD801\uDC00-\uD801\uDC4F\uD801\uDCB0-\uD801\uDCD3\uD801\uDCD8-"
                        + "\uD801\uDCFB\uD803\uDC80-\uD803\uDCB2\uD803\uDCC0-\uD803\uDCF2\uD806\uDCA0-\uD806\uDCDF"
                        + "\uD83A\uDD00-\uD83A\uDD43]+";

        private static final String IDEOGRAPHS = "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";

        private static final Map<String, String> FAMILIES = Map.ofEntries(
                Map.entry("default", "default"),
                Map.entry("gpt-2", "gpt-2"),
                Map.entry("phi-2", "gpt-2"),
                Map.entry("mpt", "gpt-2"),
                Map.entry("olmo", "gpt-2"),
                Map.entry("jais", "gpt-2"),
                Map.entry("mellum", "gpt-2"),
                Map.entry("smollm", "smollm"),
                Map.entry("starcoder", "smollm"),
                Map.entry("refact", "smollm"),
                Map.entry("command-r", "smollm"),
                Map.entry("codeshell", "smollm"),
                Map.entry("exaone", "smollm"),
                Map.entry("minerva-7b", "smollm"),
                Map.entry("llama-bpe", "llama-bpe"),
                Map.entry("llama3", "llama-bpe"),
                Map.entry("llama-v3", "llama-bpe"),
                Map.entry("falcon3", "llama-bpe"),
                Map.entry("pixtral", "llama-bpe"),
                Map.entry("lfm2", "llama-bpe"),
                Map.entry("smaug-bpe", "smaug-bpe"),
                Map.entry("dbrx", "smaug-bpe"),
                Map.entry("qwen2", "qwen2"),
                Map.entry("deepseek-r1-qwen", "qwen2"),
                Map.entry("stablelm2", "stablelm2"),
                Map.entry("deepseek-llm", "deepseek-llm"),
                Map.entry("deepseek-coder", "deepseek-coder"),
                Map.entry("gpt-4o", "gpt-4o"),
                Map.entry("llama4", "gpt-4o"),
                Map.entry("tekken", "tekken"));

        static Words of(TokenList.ByteLevel list) {
            String family = FAMILIES.get(list.words());
            if (family == null) {
                throw Fields.fault(
                        list.source(),
                        "tokenizer",
                        "its way to take text apart, '" + list.words() + "', is not supported"
                                + Nearest.hint(list.words(), FAMILIES.keySet()) + "; supported are "
                                + String.join(", ", new TreeSet<>(FAMILIES.keySet()))
                                + ". Name the original model's tokenizer with --tokenizer-path");
            }
            return switch (family) {
                case "gpt-2" -> plain(scan(WordScanner.GPT2));
                case "smollm" -> plain(DIGITS, scan(WordScanner.GPT2));
                case "smaug-bpe" -> plain(scan(WordScanner.LLAMA3));
                case "llama-bpe" -> new Words(List.of(scan(WordScanner.LLAMA3)), List.of(), true, true);
                case "qwen2" ->
                    new Words(
                            List.of(scan(WordScanner.QWEN2)),
                            List.of(new Normalizer.Form(java.text.Normalizer.Form.NFC)),
                            false,
                            false);
                case "stablelm2" -> plain(scan(WordScanner.QWEN2));
                case "gpt-4o" -> plain(scan(WordScanner.O200K));
                case "deepseek-llm" ->
                    plain(
                            regex("[\\r\\n]"),
                            regex(DEEPSEEK_LETTERS),
                            regex("\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+"),
                            regex("\\s+$"),
                            regex(IDEOGRAPHS),
                            regex("\\p{N}+"));
                case "deepseek-coder" ->
                    plain(
                            regex("[\\r\\n]"),
                            regex("\\s?\\p{L}+"),
                            regex("\\s?\\p{P}+"),
                            regex(IDEOGRAPHS),
                            regex("\\p{N}"));
                case "tekken" -> new Words(List.of(regex(TEKKEN)), List.of(), true, true);
                default ->
                    plain(
                            regex("[\\p{P}\\$\\+<=>\\^~\\|]+"),
                            scan(WordScanner.GPT2),
                            regex("\\p{N}+"),
                            regex("[0-9][0-9][0-9]"));
            };
        }

        private static Words plain(PreTokenizer... steps) {
            return new Words(List.of(steps), List.of(), false, false);
        }

        private static PreTokenizer scan(WordScanner scanner) {
            return new PreTokenizer.Split(new Finder.Words(scanner), SplitBehavior.ISOLATED, false);
        }

        private static PreTokenizer regex(String pattern) {
            return new PreTokenizer.Split(
                    new Finder.Regex(OnigPattern.compile(pattern)), SplitBehavior.ISOLATED, false);
        }
    }
}
