package espalier.text;

/**
 * Takes a list of tokens as a stream: each token in one or more parts, then its end; at last the end of the list. What
 * a sink has not passed on by then it passes on when the list ends.
 */
interface TokenSink {
    /** The next part of the token at hand; never splits a character. */
    void part(String text);

    void endToken();

    void endList();
}
