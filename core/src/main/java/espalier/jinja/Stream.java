package espalier.jinja;

import java.util.Iterator;

/** A Python generator or iterator: items that are made on demand, once, without a length. */
record Stream(String typeName, Iterator<Object> items) {
    static Stream generator(Iterator<Object> items) {
        return new Stream("generator", items);
    }
}
