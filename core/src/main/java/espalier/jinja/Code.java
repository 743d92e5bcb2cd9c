package espalier.jinja;

/** A compiled expression: evaluates in a frame, and keeps no state of its own. */
interface Code {
    Object eval(Frame frame);

    /** A compiled statement. */
    interface Statement {
        Flow run(Frame frame);
    }

    /** How the surrounding loop goes on. */
    enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }
}
