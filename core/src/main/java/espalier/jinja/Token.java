package espalier.jinja;

/**
 * A word of the template.
 *
 * @param text the source for names and operators, the unescaped text for strings and data, the digits for numbers
 */
record Token(Kind kind, String text, int line) {
    enum Kind {
        DATA("template text"),
        VARIABLE_BEGIN("begin of print statement"),
        VARIABLE_END("end of print statement"),
        BLOCK_BEGIN("begin of statement block"),
        BLOCK_END("end of statement block"),
        NAME("name"),
        STRING("string"),
        INTEGER("integer"),
        FLOAT("float"),
        OPERATOR("operator"),
        END("end of template");

        final String description;

        Kind(String description) {
            this.description = description;
        }
    }

    boolean is(Kind wanted) {
        return kind == wanted;
    }

    boolean isName(String name) {
        return kind == Kind.NAME && text.equals(name);
    }

    boolean isOperator(String operator) {
        return kind == Kind.OPERATOR && text.equals(operator);
    }

    String describe() {
        return switch (kind) {
            case NAME, OPERATOR -> "'" + text + "'";
            case DATA, VARIABLE_BEGIN, VARIABLE_END, BLOCK_BEGIN, BLOCK_END, STRING, INTEGER, FLOAT, END ->
                kind.description;
        };
    }
}
