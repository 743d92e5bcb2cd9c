package espalier.metrics;

import java.util.concurrent.atomic.LongAdder;

/** A number that only grows. */
public final class Counter implements Series {
    private final LongAdder value = new LongAdder();

    Counter() {}

    public void add(long more) {
        value.add(more);
    }

    public long value() {
        return value.sum();
    }

    @Override
    public void write(String name, Labels labels, StringBuilder out) {
        out.append(name)
                .append(labels.text())
                .append(' ')
                .append((double) value())
                .append('\n');
    }
}
