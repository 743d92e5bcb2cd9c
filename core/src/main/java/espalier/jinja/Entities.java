package espalier.jinja;

import java.util.Map;

/** The character references of HTML that plain text comes across. */
final class Entities {
    private static final Map<String, String> NAMED = Map.ofEntries(
            Map.entry("amp", "&"),
            Map.entry("lt", "<"),
            Map.entry("gt", ">"),
            Map.entry("quot", "\""),
            Map.entry("apos", "'"),
            Map.entry("nbsp", "\u00a0"),
            Map.entry("copy", "\u00a9"),
            Map.entry("reg", "\u00ae"),
            Map.entry("raquo", "\u00bb"),
            Map.entry("laquo", "\u00ab"),
            Map.entry("hellip", "\u2026"),
            Map.entry("mdash", "\u2014"),
            Map.entry("ndash", "\u2013"),
            Map.entry("euro", "\u20ac"),
            Map.entry("middot", "\u00b7"),
            Map.entry("bull", "\u2022"),
            Map.entry("times", "\u00d7"),
            Map.entry("deg", "\u00b0"));

    private Entities() {}

    static String unescape(String text) {
        StringBuilder out = new StringBuilder(text.length());
        int at = 0;
        for (int start = text.indexOf('&'); start >= 0; start = text.indexOf('&', start + 1)) {
            int end = text.indexOf(';', start);
            String character = end < 0 || end - start > 10 ? null : character(text.substring(start + 1, end));
            if (character != null) {
                out.append(text, at, start).append(character);
                at = end + 1;
            }
        }
        return out.append(text, at, text.length()).toString();
    }

    private static @org.jspecify.annotations.Nullable String character(String reference) {
        if (!reference.startsWith("#") || reference.length() < 2) {
            return NAMED.get(reference);
        }
        boolean hexadecimal = Character.toLowerCase(reference.charAt(1)) == 'x';
        try {
            int c = Integer.parseInt(reference.substring(hexadecimal ? 2 : 1), hexadecimal ? 16 : 10);
            return c > 0 && c <= Character.MAX_CODE_POINT ? Character.toString(c) : null;
        } catch (NumberFormatException e) {
            return null;
        }
    }
}
