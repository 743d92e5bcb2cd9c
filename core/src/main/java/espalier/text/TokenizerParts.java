package espalier.text;

import java.util.List;

/** What a {@code tokenizer.json} says. */
record TokenizerParts(
        Model model,
        AddedVocabulary added,
        List<PreTokenizer> preTokenizers,
        PostProcessor postProcessor,
        List<Decoder> decoders) {}
