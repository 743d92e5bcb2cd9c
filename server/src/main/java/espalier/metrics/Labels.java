package espalier.metrics;

/** What tells a metric's series apart, as it is written: {@code {a="b",c="d"}}, or nothing. */
public record Labels(String text) {
    public static final Labels NONE = new Labels("");

    public Labels with(String name, String value) {
        String pair = name + "=\"" + escaped(value) + "\"";
        return new Labels(text.isEmpty() ? "{" + pair + "}" : text.substring(0, text.length() - 1) + "," + pair + "}");
    }

    private static String escaped(String value) {
        return value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }
}
