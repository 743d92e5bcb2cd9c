package espalier.jinja;

import java.util.List;

/** A Python list. The sandbox lets no template change one. */
record ListValue(List<Object> items) {}
