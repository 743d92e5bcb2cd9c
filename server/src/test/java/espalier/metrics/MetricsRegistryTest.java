package espalier.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MetricsRegistryTest {
    private final MetricsRegistry registry = new MetricsRegistry();

    @Test
    void aHistogramCountsUpToEachBoundInclusive() {
        Histogram seconds = registry.histogram("s", "Seconds.", Labels.NONE, 1, 2);
        seconds.observe(1);
        seconds.observe(1.5, 2);
        seconds.observe(9);
        assertThat(registry.text()).isEqualTo("""
                        # HELP s Seconds.
                        # TYPE s histogram
                        s_bucket{le="1.0"} 1.0
                        s_bucket{le="2.0"} 3.0
                        s_bucket{le="+Inf"} 4.0
                        s_count 4.0
                        s_sum 13.0
                        """);
    }

    @Test
    void theSameNameAndLabelsAreTheSameSeries() {
        Labels a = Labels.NONE.with("path", "a");
        registry.counter("c", "Calls.", a).add(1);
        registry.counter("c", "Calls.", a).add(2);
        registry.counter("c", "Calls.", Labels.NONE.with("path", "b\"\\\n")).add(5);
        assertThat(registry.text()).isEqualTo("""
                        # HELP c Calls.
                        # TYPE c counter
                        c{path="a"} 3.0
                        c{path="b\\"\\\\\\n"} 5.0
                        """);
    }

    @Test
    void boundsRise() {
        for (double[] bounds : new double[][] {
            Buckets.firstTokenSeconds(), Buckets.betweenTokensSeconds(), Buckets.requestSeconds(), Buckets.tokens()
        }) {
            assertThat(bounds).isSorted().doesNotHaveDuplicates();
        }
    }
}
