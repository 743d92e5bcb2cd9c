package espalier.text;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Reads the normalizer of a {@code tokenizer.json}: each component becomes the list of its steps. */
final class NormalizerJson {
    private NormalizerJson() {}

    static List<Normalizer> normalizers(Fields json) {
        return switch (json.text("type")) {
            case "Sequence" ->
                json.objects("normalizers").stream()
                        .flatMap(part -> normalizers(part).stream())
                        .toList();
            case "NFC" -> List.of(new Normalizer.Form(java.text.Normalizer.Form.NFC));
            case "NFD" -> List.of(new Normalizer.Form(java.text.Normalizer.Form.NFD));
            case "NFKC" -> List.of(new Normalizer.Form(java.text.Normalizer.Form.NFKC));
            case "NFKD" -> List.of(new Normalizer.Form(java.text.Normalizer.Form.NFKD));
            case "Lowercase" -> List.of(new Normalizer.Lowercase());
            case "Strip" ->
                List.of(new Normalizer.Strip(json.flag("strip_left", true), json.flag("strip_right", true)));
            case "StripAccents" -> List.of(new Normalizer.Sieve(Normalizer.CharacterRule.STRIP_MARKS));
            case "Replace" -> List.of(new Normalizer.Replace(ComponentJson.pattern(json), json.text("content")));
            case "Prepend" -> List.of(new Normalizer.Prepend(json.text("prepend")));
            case "Append" -> List.of(new Normalizer.Append(json.text("append")));
            case "Nmt" -> List.of(new Normalizer.Sieve(Normalizer.CharacterRule.NMT));
            case "ByteLevel" -> List.of(new Normalizer.ByteMap());
            case "BertNormalizer", "Bert" -> bert(json);
            case "Precompiled" -> List.of(precompiled(json));
            default ->
                throw ComponentJson.unknown(
                        json,
                        "normalizer",
                        "NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, "
                                + "Replace, Prepend, Append, Nmt, ByteLevel, BertNormalizer, Precompiled, Sequence");
        };
    }

    private static List<Normalizer> bert(Fields json) {
        List<Normalizer> steps = new ArrayList<>();
        boolean lowercase = json.flag("lowercase", true);
        if (json.flag("clean_text", true)) {
            steps.add(new Normalizer.Sieve(Normalizer.CharacterRule.BERT_CLEAN));
        }
        if (json.flag("handle_chinese_chars", true)) {
            steps.add(new Normalizer.SpacesAroundIdeographs());
        }
        if (json.flag("strip_accents", lowercase)) {
            steps.add(new Normalizer.Form(java.text.Normalizer.Form.NFD));
            steps.add(new Normalizer.Sieve(Normalizer.CharacterRule.STRIP_NONSPACING));
        }
        if (lowercase) {
            steps.add(new Normalizer.Lowercase());
        }
        return steps;
    }

    private static Normalizer precompiled(Fields json) {
        try {
            return new Normalizer.Precompiled(
                    CharsMap.of(Base64.getDecoder().decode(json.text("precompiled_charsmap"))));
        } catch (IllegalArgumentException e) {
            throw json.fault("'precompiled_charsmap' is damaged: " + e.getMessage());
        }
    }
}
