package espalier.text;

import espalier.base.Tokens;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Runs any {@code tokenizer.json} of the Hugging Face tokenizers library and gives the ids that library gives.
 *
 * <p>A text takes this way: added tokens that stand in it are cut out; the rest is normalized, and added tokens that
 * are to be found in the normalized text are cut out of it; the rest is split into words by the pre-tokenizers; the
 * model turns each word into ids. The post-processor puts ids such as a beginning-of-text around the whole.
 *
 * <p>The format has no specification but that library; where its behaviour looks odd it is kept, since a model was
 * trained on the ids that it gives. Immutable but for a cache of words, and safe for any number of threads.
 */
public final class Tokenizer {
    private final AddedVocabulary added;
    private final List<PreTokenizer> preTokenizers;
    private final PostProcessor postProcessor;
    private final List<Decoder> decoders;
    private final WordEncoder words;

    Tokenizer(TokenizerParts parts) {
        added = parts.added();
        postProcessor = parts.postProcessor();
        decoders = parts.decoders();
        // The byte-level alphabet, where it comes last, is left to the words that the cache does not know.
        List<PreTokenizer> steps = parts.preTokenizers();
        boolean byteLevel = !steps.isEmpty() && steps.getLast() instanceof PreTokenizer.ByteMap;
        preTokenizers = byteLevel ? steps.subList(0, steps.size() - 1) : steps;
        words = new WordEncoder(parts.model(), byteLevel);
    }

    /**
     * Reads the {@code tokenizer.json} of a checkpoint's folder.
     *
     * @throws espalier.api.EngineFault (CHECKPOINT) that names the file and what is wrong with it
     */
    public static Tokenizer load(Path folder) {
        return TokenizerJson.load(folder);
    }

    /**
     * Reads the text of a {@code tokenizer.json}.
     *
     * @param source names it in faults
     */
    public static Tokenizer parse(String tokenizerJson, String source) {
        return TokenizerJson.parse(tokenizerJson, source);
    }

    /**
     * The tokenizer that these lists describe.
     *
     * @param bos the id that {@link #encodeWithSpecials} puts before a text; -1 for none; {@code eos} behind it
     * @throws espalier.api.EngineFault (CHECKPOINT) that names the source and what is wrong with it
     */
    public static Tokenizer of(TokenList list, int bos, int eos) {
        return new Tokenizer(ListedTokenizer.parts(list, bos, eos));
    }

    /** The text's ids. Special tokens written in the text are recognised; nothing is added. */
    public Tokens encode(String text) {
        return run(text, false).toTokens();
    }

    /** As {@link #encode}, with what the post-processor adds (a beginning-of-text, for one). */
    public Tokens encodeWithSpecials(String text) {
        return postProcessor.apply(run(text, false)).toTokens();
    }

    /** The text's ids, special tokens written in it taken for ordinary text. */
    public Tokens encodeOrdinary(String text) {
        return run(text, true).toTokens();
    }

    private Ids run(String text, boolean plainSpecials) {
        Ids ids = new Ids(text.length() / 3);
        added.walk(Chars.scalars(text), plainSpecials, new AddedVocabulary.Visitor() {
            @Override
            public void text(char[] chars, int from, int to, boolean atStart) {
                Pieces pieces = Pieces.of(chars, from, to, atStart);
                for (PreTokenizer step : preTokenizers) {
                    pieces = step.apply(pieces);
                }
                words.encode(pieces, ids);
            }

            @Override
            public void token(int id) {
                ids.add(id);
            }
        });
        return ids;
    }

    /** The text of the ids; an id outside the vocabulary contributes nothing. */
    public String decode(Tokens ids, Specials specials) {
        Detokenizer detokenizer = detokenizer(specials);
        for (int i = 0; i < ids.size(); i++) {
            detokenizer.push(ids.get(i));
        }
        return detokenizer.finish();
    }

    /** A fresh detokenizer, which decodes id by id. */
    public Detokenizer detokenizer(Specials specials) {
        return new Detokenizer(this, specials);
    }

    /**
     * The bytes that this id contributes to a text when it stands neither first nor last, which may be a part of a
     * character; none for an id outside the vocabulary.
     */
    public byte[] bytes(int id) {
        String token = decoded(id, Specials.KEEP);
        if (token == null) {
            return new byte[0];
        }
        for (Decoder decoder : decoders) {
            switch (decoder) {
                case Decoder.ByteLevel _ -> {
                    return ByteAlphabet.bytes(token);
                }
                case Decoder.ByteFallback _ -> {
                    int unsigned = ByteTokens.unsignedByte(token);
                    if (unsigned >= 0) {
                        return new byte[] {(byte) unsigned};
                    }
                }
                case Decoder.Fuse _ -> {
                    // What follows a fuse works on the whole text, of which this is the middle.
                    return token.getBytes(StandardCharsets.UTF_8);
                }
                case Decoder.Replace replace ->
                    token = new Normalizer.Replace(replace.finder(), replace.content()).apply(token);
                case Decoder.Metaspace metaspace -> token = token.replace(metaspace.replacement(), " ");
                case Decoder.WordPiece wordPiece -> token = wordPiece.text(token, false);
                case Decoder.WordSuffix suffix -> token = token.replace(suffix.suffix(), " ");
                case Decoder.Ctc ctc -> token = ctc.text(token);
                case Decoder.SpaceBetween _ -> token = " " + token;
                case Decoder.Strip strip -> token = strip.text(token);
            }
        }
        return token.getBytes(StandardCharsets.UTF_8);
    }

    /** The token as it is written in the vocabulary; empty for an id outside it. */
    public String token(int id) {
        String token = added.token(id);
        return token == null ? "" : token;
    }

    public OptionalInt id(String token) {
        int id = added.id(token);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    public boolean isSpecial(int id) {
        return added.isSpecial(id);
    }

    /** The highest id plus one, added tokens included. */
    public int vocabSize() {
        return added.limit();
    }

    List<Decoder> decoders() {
        return decoders;
    }

    @Nullable
    String decoded(int id, Specials specials) {
        return added.decoded(id, specials);
    }
}
