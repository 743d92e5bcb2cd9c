package espalier.metrics;

import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** How often values up to each bound were seen. */
public final class Histogram implements Series {
    private final double[] bounds;
    private final LongAdder[] counts;
    private final DoubleAdder sum = new DoubleAdder();

    Histogram(double... bounds) {
        this.bounds = bounds.clone();
        this.counts = new LongAdder[bounds.length + 1];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = new LongAdder();
        }
    }

    public void observe(double value) {
        observe(value, 1);
    }

    /** Counts {@code value} as seen {@code times}. */
    public void observe(double value, int times) {
        int bucket = 0;
        while (bucket < bounds.length && value > bounds[bucket]) {
            bucket++;
        }
        counts[bucket].add(times);
        sum.add(value * times);
    }

    @Override
    public void write(String name, Labels labels, StringBuilder out) {
        long below = 0;
        for (int i = 0; i < counts.length; i++) {
            below += counts[i].sum();
            String bound = i < bounds.length ? String.valueOf(bounds[i]) : "+Inf";
            out.append(name).append("_bucket").append(labels.with("le", bound).text());
            out.append(' ').append((double) below).append('\n');
        }
        out.append(name)
                .append("_count")
                .append(labels.text())
                .append(' ')
                .append((double) below)
                .append('\n');
        out.append(name)
                .append("_sum")
                .append(labels.text())
                .append(' ')
                .append(sum.sum())
                .append('\n');
    }
}
