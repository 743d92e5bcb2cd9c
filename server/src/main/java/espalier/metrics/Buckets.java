package espalier.metrics;

import java.util.stream.DoubleStream;

/** The bounds of SGLang's histograms, so that its dashboards show Espalier's. */
final class Buckets {
    private Buckets() {}

    static double[] firstTokenSeconds() {
        return new double[] {.1, .2, .4, .6, .8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400};
    }

    static double[] requestSeconds() {
        return joined(firstTokenSeconds(), 600, 1200, 1800, 2400);
    }

    static double[] betweenTokensSeconds() {
        return new double[] {
            .002, .004, .006, .008, .010, .015, .020, .025, .030, .035, .040, .060, .080, .100, .200, .400, .600, .800,
            1, 2, 4, 6, 8
        };
    }

    static double[] tokens() {
        double[] thousands =
                DoubleStream.iterate(3000, t -> t <= 10000, t -> t + 1000).toArray();
        double[] steps =
                DoubleStream.iterate(12500, t -> t <= 30000, t -> t + 2500).toArray();
        double[] small = {100, 300, 500, 700, 1000, 1500, 2000};
        return joined(
                joined(joined(small, thousands), steps),
                35000,
                40000,
                60000,
                80000,
                100000,
                200000,
                300000,
                400000,
                600000,
                800000,
                1000000,
                1100000);
    }

    private static double[] joined(double[] first, double... then) {
        return DoubleStream.concat(DoubleStream.of(first), DoubleStream.of(then))
                .toArray();
    }
}
