package espalier.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** The methods of {@code str}; on safe markup they give markup and escape what they insert. */
final class TextMethods {
    private static final Map<String, Method> ALL = build();

    private TextMethods() {}

    static Map<String, Method> all() {
        return ALL;
    }

    private static Map<String, Method> build() {
        Map<String, Method> all = new HashMap<>();
        addChanges(all);
        addQuestions(all);
        addSearches(all);
        all.putAll(TextSplitting.METHODS);
        return Map.copyOf(all);
    }

    private static void addChanges(Map<String, Method> all) {
        change(all, "upper", Casing::upper);
        change(all, "lower", Casing::lower);
        change(all, "capitalize", Casing::capitalize);
        change(all, "title", Casing::title);
        change(all, "swapcase", Casing::swapcase);
        change(all, "casefold", Casing::casefold);
        all.put("strip", (render, self, arguments) -> strip(render, self, arguments, "strip"));
        all.put("lstrip", (render, self, arguments) -> strip(render, self, arguments, "lstrip"));
        all.put("rstrip", (render, self, arguments) -> strip(render, self, arguments, "rstrip"));
        all.put("replace", TextMethods::replace);
        all.put("removeprefix", (render, self, arguments) -> {
            String prefix = arguments.positional("removeprefix", 1, 1).text(0);
            return like(self, text(self).startsWith(prefix) ? text(self).substring(prefix.length()) : text(self));
        });
        all.put("removesuffix", (render, self, arguments) -> {
            String suffix = arguments.positional("removesuffix", 1, 1).text(0);
            return like(
                    self,
                    text(self).endsWith(suffix)
                            ? text(self).substring(0, text(self).length() - suffix.length())
                            : text(self));
        });
        all.put("ljust", (render, self, arguments) -> justify(render, self, arguments.positional("ljust", 1, 2), 0));
        all.put("rjust", (render, self, arguments) -> justify(render, self, arguments.positional("rjust", 1, 2), 1));
        all.put("center", (render, self, arguments) -> justify(render, self, arguments.positional("center", 1, 2), 2));
        all.put("zfill", TextMethods::zfill);
        all.put("expandtabs", TextMethods::expandTabs);
        all.put("join", TextMethods::join);
        all.put("format", (render, self, arguments) -> BraceFormat.format(render, self, arguments));
        all.put("format_map", TextMethods::formatMap);
    }

    private static void change(Map<String, Method> all, String name, UnaryOperator<String> change) {
        all.put(name, (render, self, arguments) -> {
            arguments.positional(name, 0, 0);
            render.spend(text(self).length());
            return like(self, change.apply(text(self)));
        });
    }

    private static void addQuestions(Map<String, Method> all) {
        question(all, "isspace", Characters::isSpace);
        question(all, "isalpha", Character::isLetter);
        question(all, "isalnum", Characters::isAlphanumeric);
        question(all, "isdigit", Characters::isDigit);
        question(all, "isdecimal", Character::isDigit);
        question(all, "isnumeric", Characters::isNumeric);
        all.put("isascii", (render, self, arguments) -> text(self).chars().allMatch(c -> c < 0x80));
        all.put(
                "isprintable",
                (render, self, arguments) -> text(self).codePoints().allMatch(Characters::isPrintable));
        all.put("isidentifier", (render, self, arguments) -> isIdentifier(text(self)));
        all.put("isupper", (render, self, arguments) -> Casing.isUpper(text(self)));
        all.put("islower", (render, self, arguments) -> Casing.isLower(text(self)));
        all.put("istitle", (render, self, arguments) -> Casing.isTitle(text(self)));
        all.put("startswith", (render, self, arguments) -> affix(self, arguments.positional("startswith", 1, 3), true));
        all.put("endswith", (render, self, arguments) -> affix(self, arguments.positional("endswith", 1, 3), false));
    }

    private static void question(Map<String, Method> all, String name, IntPredicate test) {
        all.put(name, (render, self, arguments) -> {
            arguments.positional(name, 0, 0);
            return Characters.all(text(self), test);
        });
    }

    private static boolean isIdentifier(String text) {
        return !text.isEmpty()
                && Characters.isNameStart(text.codePointAt(0))
                && text.codePoints().allMatch(Characters::isNamePart);
    }

    private static void addSearches(Map<String, Method> all) {
        all.put("find", (render, self, arguments) -> find(render, self, arguments.positional("find", 1, 3), false));
        all.put("rfind", (render, self, arguments) -> find(render, self, arguments.positional("rfind", 1, 3), true));
        all.put(
                "index",
                (render, self, arguments) -> found(find(render, self, arguments.positional("index", 1, 3), false)));
        all.put(
                "rindex",
                (render, self, arguments) -> found(find(render, self, arguments.positional("rindex", 1, 3), true)));
        all.put("count", TextMethods::count);
    }

    static String text(Object self) {
        return self instanceof Markup markup ? markup.text() : (String) self;
    }

    /** The text as the type that a method was called on. */
    static Object like(Object self, String text) {
        return self instanceof Markup ? new Markup(text) : text;
    }

    private static String inserted(Object self, Object value, String text) {
        return self instanceof Markup && !(value instanceof Markup) ? Markup.escape(text) : text;
    }

    static Object strip(Render render, Object self, Arguments arguments, String which) {
        Arguments.Bound bound = arguments.positional(which, 0, 1);
        String text = text(self);
        String characters = bound.unlessNone(0) == null ? null : bound.text(0);
        render.search(text, characters == null ? "" : characters);
        if (!which.equals("rstrip")) {
            text = characters == null ? Characters.stripStart(text) : Characters.stripStart(text, characters);
        }
        if (!which.equals("lstrip")) {
            text = characters == null ? Characters.stripEnd(text) : Characters.stripEnd(text, characters);
        }
        return like(self, text);
    }

    private static Object replace(Render render, Object self, Arguments arguments) {
        Arguments.Bound bound = arguments.positional("replace", 2, 3);
        String replacement = inserted(self, bound.at(1), bound.text(1));
        return like(self, replaced(render, text(self), bound.text(0), replacement, bound.count(2, -1)));
    }

    /** Replaces the first so many, or all where the count is negative. */
    static String replaced(Render render, String text, String old, String replacement, int count) {
        render.search(text, old);
        Text out = new Text(render);
        int at = 0;
        int left = count < 0 ? Integer.MAX_VALUE : count;
        while (left > 0) {
            int next = old.isEmpty() ? at : text.indexOf(old, at);
            if (next < 0) {
                break;
            }
            left--;
            out.append(text.substring(at, next)).append(replacement);
            at = next + old.length();
            if (old.isEmpty()) {
                if (at == text.length()) {
                    break;
                }
                int end = at + Character.charCount(text.codePointAt(at));
                out.append(text.substring(at, end));
                at = end;
            }
        }
        return out.append(text.substring(at)).toString();
    }

    private static Object justify(Render render, Object self, Arguments.Bound arguments, int side) {
        String fill = arguments.optional(1) == null ? " " : inserted(self, arguments.at(1), arguments.text(1));
        if (CodePoints.length(fill) != 1) {
            throw Failure.of("The fill character must be exactly one character long");
        }
        int width = arguments.count(0, 0);
        int missing = width - CodePoints.length(text(self));
        if (missing <= 0) {
            return self;
        }
        render.reserve(missing);
        int before = side == 0 ? 0 : side == 1 ? missing : missing / 2 + (missing & width & 1);
        return like(self, fill.repeat(before) + text(self) + fill.repeat(missing - before));
    }

    private static Object zfill(Render render, Object self, Arguments arguments) {
        int missing = arguments.positional("zfill", 1, 1).count(0, 0) - CodePoints.length(text(self));
        if (missing <= 0) {
            return self;
        }
        render.reserve(missing);
        boolean signed = text(self).startsWith("-") || text(self).startsWith("+");
        String sign = signed ? text(self).substring(0, 1) : "";
        return like(self, sign + "0".repeat(missing) + text(self).substring(sign.length()));
    }

    private static Object expandTabs(Render render, Object self, Arguments arguments) {
        int size = arguments.bind("expandtabs", 0, "tabsize").count(0, 8);
        Text out = new Text(render);
        int column = 0;
        CodePoints points = CodePoints.of(text(self));
        for (int i = 0; i < points.length(); i++) {
            int c = points.at(i);
            if (c == '\t') {
                int blanks = size <= 0 ? 0 : size - column % size;
                render.reserve(blanks);
                out.append(" ".repeat(blanks));
                column += blanks;
            } else {
                out.append(points.character(i));
                column = c == '\n' || c == '\r' ? 0 : column + 1;
            }
        }
        return like(self, out.toString());
    }

    private static Object join(Render render, Object self, Arguments arguments) {
        List<Object> items =
                Sequences.list(render, arguments.positional("join", 1, 1).at(0));
        Text out = new Text(render);
        for (int i = 0; i < items.size(); i++) {
            String item = Types.text(items.get(i));
            if (item == null && self instanceof Markup) {
                item = PythonText.str(render, items.get(i));
            } else if (item == null) {
                throw Failure.of(
                        "sequence item " + i + ": expected str instance, " + Types.name(items.get(i)) + " found");
            }
            out.append(i > 0 ? text(self) : "").append(inserted(self, items.get(i), item));
        }
        return like(self, out.toString());
    }

    private static Object formatMap(Render render, Object self, Arguments arguments) {
        Map<String, Object> named = new HashMap<>();
        if (arguments.positional("format_map", 1, 1).at(0) instanceof Dict dict) {
            dict.entries().forEach(entry -> named.put(PythonText.str(render, entry.key()), entry.value()));
        }
        return BraceFormat.format(render, self, new Arguments(List.of(), named));
    }

    /** An index of a slice, from the end if negative, within the length. */
    static int clip(int index, int length) {
        return Math.clamp(index < 0 ? (long) index + length : index, 0, length);
    }

    private static boolean affix(Object self, Arguments.Bound arguments, boolean start) {
        String text = part(self, arguments);
        boolean outside = arguments.count(1, 0) > CodePoints.length(text(self));
        List<Object> affixes = arguments.at(0) instanceof Tuple tuple ? tuple.items() : List.of(arguments.at(0));
        for (Object affix : affixes) {
            String wanted = Types.text(affix);
            if (wanted == null) {
                throw Failure.of((start ? "startswith" : "endswith") + " first arg must be str or a tuple of str, not "
                        + Types.name(arguments.at(0)));
            }
            if (!outside && (start ? text.startsWith(wanted) : text.endsWith(wanted))) {
                return true;
            }
        }
        return false;
    }

    /** The part of the text between the second and third argument. */
    private static String part(Object self, Arguments.Bound arguments) {
        if (arguments.optional(1) == null && arguments.optional(2) == null) {
            return text(self);
        }
        CodePoints points = CodePoints.of(text(self));
        int from = arguments.unlessNone(1) == null ? 0 : clip(arguments.count(1, 0), points.length());
        int to = arguments.unlessNone(2) == null ? points.length() : clip(arguments.count(2, 0), points.length());
        return points.range(from, to);
    }

    private static Object find(Render render, Object self, Arguments.Bound arguments, boolean last) {
        String within = part(self, arguments);
        String sought = arguments.text(0);
        render.search(within, sought);
        int length = CodePoints.length(text(self));
        int from = arguments.unlessNone(1) == null ? 0 : arguments.count(1, 0);
        int offset = clip(from, length);
        int at = from > length ? -1 : last ? within.lastIndexOf(sought) : within.indexOf(sought);
        return at < 0 ? -1L : (long) offset + within.codePointCount(0, at);
    }

    private static Object found(Object index) {
        if ((Long) index < 0) {
            throw Failure.of("substring not found");
        }
        return index;
    }

    private static Object count(Render render, Object self, Arguments arguments) {
        Arguments.Bound bound = arguments.positional("count", 1, 3);
        String text = part(self, bound);
        String sought = bound.text(0);
        if (sought.isEmpty()) {
            boolean outside = bound.count(1, 0) > CodePoints.length(text(self));
            return outside ? 0L : CodePoints.length(text) + 1L;
        }
        render.search(text, sought);
        long count = 0;
        for (int at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length())) {
            count++;
        }
        return count;
    }

    /** A list of texts, of the type of the text they were cut from. */
    static ListValue list(Object self, List<String> parts) {
        List<Object> items = new ArrayList<>(parts.size());
        parts.forEach(part -> items.add(like(self, part)));
        return new ListValue(items);
    }
}
