package espalier.jinja;

/** A value that can be called. */
interface Callable {
    Object call(Render render, Arguments arguments);

    /** How it prints; the address that Python would print is not known here. */
    default String describe() {
        return "<function>";
    }
}
