package espalier.jinja;

/** What a name or an attribute that does not exist evaluates to: it prints as nothing, is false and empty, and refuses the rest. */
record Undefined(String message) {
    static Undefined variable(String name) {
        return new Undefined("'" + name + "' is undefined");
    }

    static Undefined attribute(Object owner, String name) {
        return new Undefined("'" + Types.describe(owner) + "' has no attribute " + PythonText.quoted(name));
    }

    static Undefined unsafe(Object owner, String name) {
        return new Undefined(
                "access to attribute " + PythonText.quoted(name) + " of '" + Types.name(owner) + "' object is unsafe.");
    }

    Failure failure() {
        return Failure.of(message);
    }
}
