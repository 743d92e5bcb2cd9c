package espalier.metrics;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/**
 * All metrics of a process, written in the Prometheus text format 0.0.4. A metric is asked for by name and labels; the
 * same ones give the same series.
 */
public final class MetricsRegistry {
    public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private record Family(String type, String help, Map<String, Series> series) {}

    private final Map<String, Family> families = new LinkedHashMap<>();

    public Counter counter(String name, String help, Labels labels) {
        return (Counter) series(name, "counter", help, labels, Counter::new);
    }

    public Histogram histogram(String name, String help, Labels labels, double... bounds) {
        return (Histogram) series(name, "histogram", help, labels, () -> new Histogram(bounds));
    }

    /** A number that is asked for whenever the metrics are written. */
    public void gauge(String name, String help, Labels labels, DoubleSupplier value) {
        series(
                name,
                "gauge",
                help,
                labels,
                () -> (n, l, out) -> out.append(n)
                        .append(l.text())
                        .append(' ')
                        .append(value.getAsDouble())
                        .append('\n'));
    }

    /** Like {@link #gauge}, for a total that somebody else counts. */
    public void total(String name, String help, Labels labels, DoubleSupplier value) {
        gauge(name, help, labels, value);
        synchronized (families) {
            families.computeIfPresent(name, (_, f) -> new Family("counter", f.help(), f.series()));
        }
    }

    public String text() {
        var out = new StringBuilder(8192);
        synchronized (families) {
            families.forEach((name, family) -> {
                out.append("# HELP ")
                        .append(name)
                        .append(' ')
                        .append(family.help())
                        .append('\n');
                out.append("# TYPE ")
                        .append(name)
                        .append(' ')
                        .append(family.type())
                        .append('\n');
                family.series().forEach((labels, s) -> s.write(name, new Labels(labels), out));
            });
        }
        return out.toString();
    }

    private Series series(String name, String type, String help, Labels labels, Supplier<Series> fresh) {
        Family family;
        synchronized (families) {
            family = families.computeIfAbsent(name, _ -> new Family(type, help, new ConcurrentSkipListMap<>()));
        }
        return family.series().computeIfAbsent(labels.text(), _ -> fresh.get());
    }
}
