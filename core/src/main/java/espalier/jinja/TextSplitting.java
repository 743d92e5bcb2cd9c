package espalier.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** The methods of {@code str} that cut it into pieces. */
final class TextSplitting {
    static final Map<String, Method> METHODS = Map.of(
            "split", (render, self, arguments) -> split(render, self, arguments, false),
            "rsplit", (render, self, arguments) -> split(render, self, arguments, true),
            "splitlines",
                    (render, self, arguments) -> TextMethods.list(
                            self,
                            lines(
                                    TextMethods.text(self),
                                    arguments.bind("splitlines", 0, "keepends").truth(0))),
            "partition", (render, self, arguments) -> partition(render, self, arguments, false),
            "rpartition", (render, self, arguments) -> partition(render, self, arguments, true));

    private TextSplitting() {}

    private static Object split(Render render, Object self, Arguments arguments, boolean fromEnd) {
        Arguments.Bound bound = arguments.bind(fromEnd ? "rsplit" : "split", 0, "sep", "maxsplit");
        String text = TextMethods.text(self);
        int most = bound.count(1, -1);
        int splits = most < 0 ? Integer.MAX_VALUE : most;
        List<String> parts;
        if (bound.unlessNone(0) == null) {
            parts = fromEnd ? wordsFromEnd(text, splits) : words(text, splits);
        } else if (bound.text(0).isEmpty()) {
            throw Failure.of("empty separator");
        } else {
            render.search(text, bound.text(0));
            parts = fromEnd ? piecesFromEnd(text, bound.text(0), splits) : pieces(text, bound.text(0), splits);
        }
        render.spend(text.length() + parts.size());
        return TextMethods.list(self, parts);
    }

    static List<String> words(String text, int splits) {
        List<String> words = new ArrayList<>();
        int at = skip(text, 0, true);
        while (at < text.length() && words.size() < splits) {
            int end = skip(text, at, false);
            words.add(text.substring(at, end));
            at = skip(text, end, true);
        }
        if (at < text.length()) {
            words.add(text.substring(at));
        }
        return words;
    }

    private static int skip(String text, int from, boolean space) {
        int at = from;
        while (at < text.length() && Characters.isSpace(text.charAt(at)) == space) {
            at++;
        }
        return at;
    }

    private static List<String> wordsFromEnd(String text, int splits) {
        List<String> words = new ArrayList<>();
        String left = Characters.stripEnd(text);
        while (!left.isEmpty() && words.size() < splits) {
            int start = left.length();
            while (start > 0 && !Characters.isSpace(left.charAt(start - 1))) {
                start--;
            }
            words.add(left.substring(start));
            left = Characters.stripEnd(left.substring(0, start));
        }
        if (!left.isEmpty()) {
            words.add(left);
        }
        Collections.reverse(words);
        return words;
    }

    private static List<String> pieces(String text, String separator, int splits) {
        List<String> pieces = new ArrayList<>();
        int at = 0;
        for (int next = text.indexOf(separator);
                next >= 0 && pieces.size() < splits;
                next = text.indexOf(separator, at)) {
            pieces.add(text.substring(at, next));
            at = next + separator.length();
        }
        pieces.add(text.substring(at));
        return pieces;
    }

    private static List<String> piecesFromEnd(String text, String separator, int splits) {
        List<String> pieces = new ArrayList<>();
        int end = text.length();
        while (pieces.size() < splits) {
            int start = end < separator.length() ? -1 : text.lastIndexOf(separator, end - separator.length());
            if (start < 0) {
                break;
            }
            pieces.add(text.substring(start + separator.length(), end));
            end = start;
        }
        pieces.add(text.substring(0, end));
        Collections.reverse(pieces);
        return pieces;
    }

    /** As {@code str.splitlines}. */
    static List<String> lines(String text, boolean keepEnds) {
        List<String> lines = new ArrayList<>();
        int start = 0;
        int at = 0;
        while (at < text.length()) {
            if (!Characters.isLineBreak(text.charAt(at))) {
                at++;
                continue;
            }
            int end = text.startsWith("\r\n", at) ? at + 2 : at + 1;
            lines.add(text.substring(start, keepEnds ? end : at));
            start = end;
            at = end;
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }

    private static Object partition(Render render, Object self, Arguments arguments, boolean last) {
        String separator =
                arguments.positional(last ? "rpartition" : "partition", 1, 1).text(0);
        if (separator.isEmpty()) {
            throw Failure.of("empty separator");
        }
        String text = TextMethods.text(self);
        render.search(text, separator);
        int at = last ? text.lastIndexOf(separator) : text.indexOf(separator);
        if (at < 0) {
            Object empty = TextMethods.like(self, "");
            return last ? Tuple.of(empty, empty, self) : Tuple.of(self, empty, empty);
        }
        return Tuple.of(
                TextMethods.like(self, text.substring(0, at)),
                TextMethods.like(self, separator),
                TextMethods.like(self, text.substring(at + separator.length())));
    }
}
