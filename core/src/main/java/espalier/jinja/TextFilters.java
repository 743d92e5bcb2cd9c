package espalier.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Filters that make text of text. */
final class TextFilters {
    private static final Pattern WORD_STARTS = Pattern.compile("[-\\s({\\[<]+", Pattern.UNICODE_CHARACTER_CLASS);

    private TextFilters() {}

    static void addTo(Map<String, Filters.Filter> all) {
        all.put("upper", (render, value, arguments) -> method(render, "upper", value, arguments));
        all.put("lower", (render, value, arguments) -> method(render, "lower", value, arguments));
        all.put("capitalize", (render, value, arguments) -> method(render, "capitalize", value, arguments));
        all.put("title", TextFilters::title);
        all.put("trim", TextFilters::trim);
        all.put("string", (render, value, arguments) -> softText(render, value));
        all.put("replace", TextFilters::replace);
        all.put("join", TextFilters::join);
        all.put("center", (render, value, arguments) -> {
            Object width = arguments.bind("center", 0, "width").or(0, 80L);
            return method(render, "center", value, Arguments.of(width));
        });
        all.put("indent", TextFilters::indent);
        all.put("truncate", TextFilters::truncate);
        all.put("wordcount", TextFilters::wordCount);
        all.put("wordwrap", TextFilters::wordWrap);
        all.put("format", TextFilters::format);
        all.put("pprint", (render, value, arguments) -> PrettyPrint.format(render, value));
    }

    /** Text as it is, markup included, and anything else as it prints. */
    static Object softText(Render render, Object value) {
        return Types.text(value) != null ? value : PythonText.str(render, value);
    }

    private static Object method(Render render, String name, Object value, Arguments arguments) {
        Method method = TextMethods.all().get(name);
        if (method == null) {
            throw new IllegalStateException(name);
        }
        return method.call(render, softText(render, value), arguments);
    }

    private static Object trim(Render render, Object value, Arguments arguments) {
        Object characters = arguments.bind("trim", 0, "chars").or(0, None.NONE);
        return TextMethods.strip(render, softText(render, value), Arguments.of(characters), "strip");
    }

    private static Object title(Render render, Object value, Arguments arguments) {
        arguments.positional("title", 0, 0);
        Object soft = softText(render, value);
        String text = TextMethods.text(soft);
        StringBuilder out = new StringBuilder(text.length());
        var starts = WORD_STARTS.matcher(text);
        int at = 0;
        while (at < text.length()) {
            boolean found = starts.find(at);
            int end = found ? starts.start() : text.length();
            if (end > at) {
                int first = text.offsetByCodePoints(at, 1);
                out.append(Casing.upper(text.substring(at, first))).append(Casing.lower(text.substring(first, end)));
            }
            if (found) {
                out.append(starts.group());
            }
            at = found ? starts.end() : text.length();
        }
        render.spend(text.length());
        return out.toString();
    }

    private static Object replace(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("replace", 2, "old", "new", "count");
        return TextMethods.replaced(
                render,
                PythonText.str(render, value),
                PythonText.str(render, bound.at(0)),
                PythonText.str(render, bound.at(1)),
                bound.unlessNone(2) == null ? -1 : bound.count(2, -1));
    }

    private static Object join(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("join", 0, "d", "attribute");
        String separator = PythonText.str(render, bound.or(0, ""));
        AttributePath path = AttributePath.of(render, bound.or(1, None.NONE));
        Text out = new Text(render);
        String between = "";
        for (Object item : Sequences.list(render, value)) {
            out.append(between).append(PythonText.str(render, path.of(item)));
            between = separator;
        }
        return out.toString();
    }

    private static Object indent(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("indent", 0, "width", "first", "blank");
        String text = Types.text(value);
        if (text == null) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("unsupported operand type(s) for +=: '" + Types.name(value) + "' and 'str'");
        }
        String width = bound.optional(0) == null ? null : Types.text(bound.at(0));
        String indentation = width != null ? width : Filters.blanks(render, bound.count(0, 4));
        Text out = new Text(render);
        List<String> lines = TextSplitting.lines(text + "\n", false);
        if (bound.truth(1)) {
            out.append(indentation);
        }
        for (int i = 0; i < lines.size(); i++) {
            if (i > 0) {
                out.append("\n");
                out.append(lines.get(i).isEmpty() && !bound.truth(2) ? "" : indentation);
            }
            out.append(lines.get(i));
        }
        return TextMethods.like(value, out.toString());
    }

    private static Object truncate(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("truncate", 0, "length", "killwords", "end", "leeway");
        int length = bound.count(0, 255);
        String end = bound.text(2, "...");
        int leeway = bound.unlessNone(3) == null ? 5 : bound.count(3, 5);
        int endLength = CodePoints.length(end);
        if (length < endLength || leeway < 0) {
            throw Failure.of(
                    length < endLength
                            ? "expected length >= " + endLength + ", got " + length
                            : "expected leeway >= 0, got " + leeway);
        }
        int size = Sequences.length(value);
        if (size <= (long) length + leeway) {
            return value;
        }
        String text = Types.text(value);
        if (text == null) {
            throw Failure.of("can only truncate text, not " + Types.name(value));
        }
        String cut = text.substring(0, text.offsetByCodePoints(0, length - endLength));
        int blank = cut.lastIndexOf(' ');
        String kept = bound.truth(1) || blank < 0 ? cut : cut.substring(0, blank);
        return Arithmetic.add(render, TextMethods.like(value, kept), bound.or(2, "..."));
    }

    private static Object wordCount(Render render, Object value, Arguments arguments) {
        arguments.positional("wordcount", 0, 0);
        long words = 0;
        boolean inWord = false;
        for (int c : TextMethods.text(softText(render, value)).codePoints().toArray()) {
            boolean word = Characters.isWord(c);
            words += word && !inWord ? 1 : 0;
            inWord = word;
        }
        return words;
    }

    private static Object wordWrap(Render render, Object value, Arguments arguments) {
        Arguments.Bound bound =
                arguments.bind("wordwrap", 0, "width", "break_long_words", "wrapstring", "break_on_hyphens");
        String text = Types.text(value);
        if (text == null) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : Failure.of("'" + Types.name(value) + "' object has no attribute 'splitlines'");
        }
        int width = bound.count(0, 79);
        if (width <= 0) {
            throw Failure.of("invalid width " + width + " (must be > 0)");
        }
        boolean breakWords = bound.optional(1) == null || bound.truth(1);
        boolean breakHyphens = bound.optional(3) == null || bound.truth(3);
        String newline = bound.unlessNone(2) == null ? "\n" : bound.text(2);
        render.search(text, dashes(text));
        List<String> lines = new ArrayList<>();
        for (String line : TextSplitting.lines(text, false)) {
            lines.add(String.join(newline, WordWrap.wrap(line, width, breakWords, breakHyphens)));
        }
        render.spend(text.length());
        return String.join(newline, lines);
    }

    /** The longest run of dashes: at each of them the search for a place to break looks to their end. */
    private static String dashes(String text) {
        int longest = 0;
        int run = 0;
        for (int i = 0; i < text.length(); i++) {
            run = text.charAt(i) == '-' ? run + 1 : 0;
            longest = Math.max(longest, run);
        }
        return "-".repeat(longest);
    }

    private static Object format(Render render, Object value, Arguments arguments) {
        if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
            throw Failure.of("can't handle positional and keyword arguments at the same time");
        }
        if (arguments.named().isEmpty()) {
            return PercentFormat.format(render, softText(render, value), new Tuple(arguments.positional()));
        }
        Dict named = new Dict();
        arguments.named().forEach(named::put);
        return PercentFormat.format(render, softText(render, value), named);
    }
}
