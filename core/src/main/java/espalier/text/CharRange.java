package espalier.text;

/** A view of {@code text[from, to)} for the regular expressions. */
record CharRange(char[] text, int from, int to) implements CharSequence {
    @Override
    public int length() {
        return to - from;
    }

    @Override
    public char charAt(int index) {
        return text[from + index];
    }

    @Override
    public CharSequence subSequence(int start, int end) {
        return new CharRange(text, from + start, from + end);
    }

    @Override
    public boolean isEmpty() {
        return from == to;
    }

    @Override
    public String toString() {
        return new String(text, from, to - from);
    }
}
