package espalier.text;

import java.text.Normalizer;

/** Unicode normalization, with the text returned as it is where no character of it can change. */
final class CombiningRuns {
    private CombiningRuns() {}

    static String normalize(String text, Normalizer.Form form) {
        int untouched = switch (form) {
            case NFC -> 0x300;
            case NFD -> 0xC0;
            case NFKC, NFKD -> 0xA0;
        };
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) >= untouched) {
                return Normalizer.normalize(text, form);
            }
        }
        return text;
    }
}
