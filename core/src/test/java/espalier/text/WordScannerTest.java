package espalier.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The hand-written scanners against the regular expressions that they stand for. */
class WordScannerTest {
    private static final String[] POOLS = {
        "abcdefg",
        "ABCDEFG",
        "'sStTrReEvVmMlLdD\u017F",
        "0123456789\u0664\u00BD\u2167",
        " \t\u00A0\u3000",
        "\r\n",
        "/.,-!?()",
        "\u0301\u0327\u094D",
        "\u4E2D\u6587\u3042\u30FC",
        "\u01C5\u02B0\u00AA\u0130\u1E9E",
        "\uD83D\uDE00\uD835\uDCB3\uD842\uDFB7",
        "\u0000\u0007\u200B\u200D\uFEFF"
    };

    @ParameterizedTest
    @EnumSource
    void aScannerGivesTheWordsOfItsPattern(WordScanner scanner) {
        Pattern pattern = OnigPattern.compile(scanner.pattern());
        Random random = new Random(scanner.ordinal());
        for (int round = 0; round < 6_000; round++) {
            String text = text(random);
            assertThat(scanned(scanner, text))
                    .as("round %s: %s", round, escaped(text))
                    .isEqualTo(matched(pattern, text));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aScannerAgreesWithItsPatternOnEveryCharacter(WordScanner scanner) {
        Pattern pattern = OnigPattern.compile(scanner.pattern());
        for (int block = 0; block < 0x20000; block += 256) {
            StringBuilder text = new StringBuilder();
            for (int c = block; c < block + 256; c++) {
                if (Character.isDefined(c) && (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)) {
                    text.append(' ')
                            .appendCodePoint(c)
                            .append('a')
                            .appendCodePoint(c)
                            .append("B'");
                }
            }
            assertThat(scanned(scanner, text.toString())).isEqualTo(matched(pattern, text.toString()));
        }
    }

    @Test
    void contractionsAreFoldedAsThePatternFoldsThem() {
        assertThat(scanned(WordScanner.LLAMA3, "a'\u017Fb'LL'x")).containsExactly("a", "'\u017F", "b", "'LL", "'x");
        assertThat(scanned(WordScanner.GPT2, "a'Sb's")).containsExactly("a", "'", "Sb", "'s");
    }

    private static List<String> scanned(WordScanner scanner, String text) {
        char[] chars = text.toCharArray();
        List<String> words = new ArrayList<>();
        for (int i = 0; i < chars.length; ) {
            int end = scanner.end(chars, i, chars.length);
            words.add(text.substring(i, end));
            i = end;
        }
        return words;
    }

    private static List<String> matched(Pattern pattern, String text) {
        List<String> words = new ArrayList<>();
        for (Matcher matcher = pattern.matcher(text); matcher.find(); ) {
            words.add(matcher.group());
        }
        return words;
    }

    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        String pool = POOLS[random.nextInt(POOLS.length)];
        for (int i = random.nextInt(24); i >= 0; i--) {
            if (random.nextInt(3) == 0) {
                pool = POOLS[random.nextInt(POOLS.length)];
            }
            int[] characters = pool.codePoints().toArray();
            text.appendCodePoint(characters[random.nextInt(characters.length)]);
        }
        return text.toString();
    }

    private static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        text.codePoints().forEach(c -> out.append(String.format("\\u{%X}", c)));
        return out.toString();
    }
}
