package espalier.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's {@code textwrap.wrap} with tabs and white space left as they are. */
final class WordWrap {
    private static final String SPACE = "[\\t\\n\\x0b\\x0c\\r ]";
    private static final String NO_SPACE = "[^\\t\\n\\x0b\\x0c\\r ]";
    private static final String LETTER = "[^\\d\\W]";
    /** White space, a dash between words, or a word up to a hyphen within it or to its end. */
    private static final Pattern CHUNKS = Pattern.compile(
            SPACE + "+"
                    + "|(?<=[\\w!\"'&.,?])-{2,}(?=\\w)"
                    + "|" + NO_SPACE + "+?(?:"
                    + "-(?:(?<=" + LETTER + "{2}-)|(?<=" + LETTER + "-" + LETTER + "-))(?=" + LETTER + "-?" + LETTER
                    + ")"
                    + "|(?=" + SPACE + "|\\z)"
                    + "|(?<=[\\w!\"'&.,?])(?=-{2,}\\w))",
            Pattern.UNICODE_CHARACTER_CLASS);

    private static final Pattern WORDS = Pattern.compile(SPACE + "+|" + NO_SPACE + "+");

    private WordWrap() {}

    static List<String> wrap(String text, int width, boolean breakWords, boolean breakHyphens) {
        List<String> chunks = chunks(text, breakHyphens);
        List<String> lines = new ArrayList<>();
        int next = 0;
        while (next < chunks.size()) {
            List<String> line = new ArrayList<>();
            int length = 0;
            if (!lines.isEmpty() && isBlank(chunks.get(next))) {
                next++;
            }
            while (next < chunks.size() && length + size(chunks.get(next)) <= width) {
                line.add(chunks.get(next));
                length += size(chunks.get(next++));
            }
            if (next < chunks.size() && size(chunks.get(next)) > width) {
                next += breakLong(chunks, next, line, width - length, breakWords, breakHyphens);
            }
            if (!line.isEmpty() && isBlank(line.getLast())) {
                line.removeLast();
            }
            if (!line.isEmpty()) {
                lines.add(String.join("", line));
            }
        }
        return lines;
    }

    private static List<String> chunks(String text, boolean breakHyphens) {
        List<String> chunks = new ArrayList<>();
        Matcher matcher = (breakHyphens ? CHUNKS : WORDS).matcher(text);
        while (matcher.find()) {
            if (!matcher.group().isEmpty()) {
                chunks.add(matcher.group());
            }
        }
        return chunks;
    }

    /** Puts as much of a chunk that fits no line as fits this one; returns how many chunks are used up. */
    private static int breakLong(
            List<String> chunks, int next, List<String> line, int left, boolean breakWords, boolean breakHyphens) {
        String chunk = chunks.get(next);
        if (!breakWords) {
            if (line.isEmpty()) {
                line.add(chunk);
                return 1;
            }
            return 0;
        }
        int end = left;
        if (breakHyphens && size(chunk) > left) {
            int hyphen = chunk.lastIndexOf('-', chunk.offsetByCodePoints(0, left) - 1);
            boolean inside = hyphen > 0 && chunk.substring(0, hyphen).chars().anyMatch(c -> c != '-');
            end = inside ? chunk.codePointCount(0, hyphen) + 1 : left;
        }
        int cut = chunk.offsetByCodePoints(0, end);
        line.add(chunk.substring(0, cut));
        chunks.set(next, chunk.substring(cut));
        return 0;
    }

    private static boolean isBlank(String text) {
        return Characters.strip(text).isEmpty();
    }

    private static int size(String text) {
        return CodePoints.length(text);
    }
}
