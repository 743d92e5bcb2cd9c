package espalier.jinja;

import java.time.DayOfWeek;
import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** {@code datetime.strftime} of Python on Linux, in the C locale, for a time without a zone. */
final class Strftime {
    private Strftime() {}

    static String format(LocalDateTime time, String format) {
        StringBuilder out = new StringBuilder();
        int at = 0;
        while (at < format.length()) {
            char c = format.charAt(at++);
            if (c != '%' || at == format.length()) {
                out.append(c);
                continue;
            }
            int start = at - 1;
            char flag = ' ';
            while (at < format.length() && "-_0^#".indexOf(format.charAt(at)) >= 0) {
                flag = format.charAt(at++);
            }
            int width = 0;
            while (at < format.length() && format.charAt(at) >= '0' && format.charAt(at) <= '9' && width < 1000) {
                width = width * 10 + format.charAt(at++) - '0';
            }
            char directive = at < format.length() ? format.charAt(at++) : '\0';
            String text = directive(time, directive, flag, width);
            out.append(text == null ? format.substring(start, at) : text);
        }
        return out.toString();
    }

    private static @org.jspecify.annotations.Nullable String directive(
            LocalDateTime t, char directive, char flag, int width) {
        int hour12 = t.getHour() % 12 == 0 ? 12 : t.getHour() % 12;
        return switch (directive) {
            case 'Y' -> number(t.getYear(), 1, '0', flag, width);
            case 'C' -> number(t.getYear() / 100, 2, '0', flag, width);
            case 'y' -> number(t.getYear() % 100, 2, '0', flag, width);
            case 'G' -> number(t.get(IsoFields.WEEK_BASED_YEAR), 1, '0', flag, width);
            case 'g' -> number(t.get(IsoFields.WEEK_BASED_YEAR) % 100, 2, '0', flag, width);
            case 'm' -> number(t.getMonthValue(), 2, '0', flag, width);
            case 'd' -> number(t.getDayOfMonth(), 2, '0', flag, width);
            case 'e' -> number(t.getDayOfMonth(), 2, ' ', flag, width);
            case 'H' -> number(t.getHour(), 2, '0', flag, width);
            case 'k' -> number(t.getHour(), 2, ' ', flag, width);
            case 'I' -> number(hour12, 2, '0', flag, width);
            case 'l' -> number(hour12, 2, ' ', flag, width);
            case 'M' -> number(t.getMinute(), 2, '0', flag, width);
            case 'S' -> number(t.getSecond(), 2, '0', flag, width);
            case 'f' -> "%06d".formatted(t.getNano() / 1000);
            case 'j' -> number(t.getDayOfYear(), 3, '0', flag, width);
            case 'u' -> number(t.getDayOfWeek().getValue(), 1, '0', flag, width);
            case 'w' -> number(t.getDayOfWeek().getValue() % 7, 1, '0', flag, width);
            case 'U' -> number((t.getDayOfYear() + 6 - t.getDayOfWeek().getValue() % 7) / 7, 2, '0', flag, width);
            case 'W' -> number((t.getDayOfYear() + 6 - (t.getDayOfWeek().getValue() + 6) % 7) / 7, 2, '0', flag, width);
            case 'V' -> number(t.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2, '0', flag, width);
            case 'B' -> text(t.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH), flag, width);
            case 'b', 'h' ->
                text(t.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3), flag, width);
            case 'A' -> text(day(t), flag, width);
            case 'a' -> text(day(t).substring(0, 3), flag, width);
            case 'p' ->
                text(
                        flag == '#' ? (t.getHour() < 12 ? "am" : "pm") : t.getHour() < 12 ? "AM" : "PM",
                        flag == '#' ? ' ' : flag,
                        width);
            case 'P' -> text(t.getHour() < 12 ? "am" : "pm", flag, width);
            case 'z', 'Z' -> "";
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            case 'c' -> text(format(t, "%a %b %e %H:%M:%S %Y"), flag, width);
            case 'D', 'x' -> text(format(t, "%m/%d/%y"), flag, width);
            case 'T', 'X' -> text(format(t, "%H:%M:%S"), flag, width);
            case 'F' -> text(format(t, "%Y-%m-%d"), flag, width);
            case 'R' -> text(format(t, "%H:%M"), flag, width);
            case 'r' -> text(format(t, "%I:%M:%S %p"), flag, width);
            default -> null;
        };
    }

    private static String day(LocalDateTime time) {
        DayOfWeek day = time.getDayOfWeek();
        return day.getDisplayName(TextStyle.FULL, Locale.ENGLISH);
    }

    private static String number(int value, int digits, char padding, char flag, int width) {
        String text = Integer.toString(value);
        char pad = flag == '_' ? ' ' : flag == '0' ? '0' : padding;
        int wanted = flag == '-' ? 0 : Math.max(digits, width);
        return String.valueOf(pad).repeat(Math.max(0, wanted - text.length())) + text;
    }

    private static String text(String text, char flag, int width) {
        String cased = flag == '^' || flag == '#' ? text.toUpperCase(Locale.ROOT) : text;
        return (flag == '0' ? "0" : " ").repeat(Math.max(0, width - text.length())) + cased;
    }
}
