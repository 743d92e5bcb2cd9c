package espalier.jinja;

/** Text under construction, of which there may not be too much. */
final class Text {
    private final Render render;
    private final StringBuilder builder = new StringBuilder();

    Text(Render render) {
        this.render = render;
    }

    Text append(String text) {
        render.spend(text.length());
        if (builder.length() + text.length() > Render.MAX_TEXT_CHARS) {
            throw Failure.limit("the template makes a text of more than " + Render.MAX_TEXT_CHARS + " characters");
        }
        builder.append(text);
        return this;
    }

    int length() {
        return builder.length();
    }

    @Override
    public String toString() {
        return builder.toString();
    }
}
