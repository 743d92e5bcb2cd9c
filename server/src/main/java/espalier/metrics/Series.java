package espalier.metrics;

/** One line, or a group of lines, under a metric's name. */
interface Series {
    void write(String name, Labels labels, StringBuilder out);
}
