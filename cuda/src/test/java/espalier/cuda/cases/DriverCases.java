package espalier.cuda.cases;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.ProductLibrary;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What the machine itself does, through the driver: copies, and the vendor's products. */
final class DriverCases {
    private static final int[][] LAYER = {{4096, 4096}, {6144, 4096}, {28672, 4096}, {4096, 14336}, {128256, 4096}};
    private static final int[] ROWS = {1, 16, 64, 128, 256, 512, 4096};

    private DriverCases() {}

    static List<KernelCase> all() {
        var all = new ArrayList<KernelCase>();
        all.add(new Copies());
        for (ProductLibrary.Element element : List.of(ProductLibrary.Element.BF16, ProductLibrary.Element.F16)) {
            all.add(new Library(element));
        }
        return all;
    }

    private record Copies() implements KernelCase {
        private static final long BYTES = 1L << 30;

        @Override
        public String name() {
            return "driver copies";
        }

        @Override
        public void check(Workbench bench) {
            float[] values = bench.normal(5000, 1);
            long from = bench.floats(values);
            long to = bench.poisoned(20_000);
            bench.driver().copy(bench.stream(), from, to, 20_000);
            bench.compare("device copy", bench.readFloats(to, 5000), values, 5000, 0);
        }

        @Override
        public void time(Workbench bench) {
            Driver driver = bench.driver();
            long from = bench.zeros(BYTES);
            long to = bench.zeros(BYTES);
            bench.timed(
                    "device copy, read and written",
                    1,
                    () -> driver.copy(bench.stream(), from, to, BYTES),
                    2.0 * BYTES,
                    0);
            MemorySegment pinned = driver.allocatePinned(BYTES / 4);
            bench.timed("upload, pinned", 1, () -> driver.upload(bench.stream(), pinned, to), BYTES / 4.0, 0);
            bench.timed("download, pinned", 1, () -> driver.download(bench.stream(), to, pinned), BYTES / 4.0, 0);
            driver.freePinned(pinned);
        }
    }

    /** cuBLASLt: the yardstick of our own products, and the one of large prefills. */
    private record Library(ProductLibrary.Element element) implements KernelCase {
        @Override
        public String name() {
            return "library products " + element.name().toLowerCase(Locale.ROOT);
        }

        @Override
        public void check(Workbench bench) {
            ProductLibrary products = bench.driver().products();
            if (!products.missing().isEmpty()) {
                return;
            }
            for (ProductLibrary.Algorithm choice : ProductLibrary.Algorithm.values()) {
                for (ProductLibrary.Sum sum : ProductLibrary.Sum.values()) {
                    check(bench, new ProductLibrary.Shape(5, 48, 64, element, ProductLibrary.Element.F32, sum), choice);
                    check(bench, new ProductLibrary.Shape(1, 40, 136, element, element, sum), choice);
                }
            }
        }

        private void check(Workbench bench, ProductLibrary.Shape s, ProductLibrary.Algorithm choice) {
            float[] x = bench.normal(s.rows() * s.in(), 1);
            float[] w = bench.normal(s.out() * s.in(), 0.1);
            float[] y = bench.normal(s.rows() * s.out(), 1);
            var want = new float[y.length];
            for (int i = 0; i < want.length; i++) {
                double sum = s.sum() == ProductLibrary.Sum.ADD ? y[i] : 0;
                for (int k = 0; k < s.in(); k++) {
                    sum += (double) x[i / s.out() * s.in() + k] * w[i % s.out() * s.in() + k];
                }
                want[i] = (float) sum;
            }
            long to = put(bench, s.result(), y);
            long spare = put(bench, s.result(), y);
            var probe = new ProductLibrary.Operands(
                    put(bench, element, x), s.in(), put(bench, element, w), s.in(), spare, s.out());
            ProductLibrary.Plan plan = bench.driver().products().plan(s, choice, probe);
            bench.driver()
                    .products()
                    .multiply(
                            bench.stream(),
                            plan,
                            new ProductLibrary.Operands(probe.x(), s.in(), probe.w(), s.in(), to, s.out()));
            float[] got = s.result() == ProductLibrary.Element.F32
                    ? bench.readFloats(to, y.length)
                    : element == ProductLibrary.Element.BF16
                            ? bench.readBf16(to, y.length)
                            : bench.readF16(to, y.length);
            bench.compare(s + " " + choice, got, want, s.out(), 1e-2);
        }

        private static long put(Workbench bench, ProductLibrary.Element as, float[] values) {
            return switch (as) {
                case BF16 -> bench.bf16(values);
                case F16 -> bench.f16(values);
                case F32 -> bench.floats(values);
            };
        }

        @Override
        public void time(Workbench bench) {
            ProductLibrary products = bench.driver().products();
            if (element != ProductLibrary.Element.BF16 || !products.missing().isEmpty()) {
                return;
            }
            for (int[] size : LAYER) {
                long bytes = 2L * size[0] * size[1];
                int sets = (int) Math.max(1, (256L << 20) / bytes);
                long w = bench.zeros(sets * bytes);
                for (int rows : ROWS) {
                    time(bench, rows, size, w, sets);
                }
            }
        }

        private void time(Workbench bench, int rows, int[] size, long w, int sets) {
            ProductLibrary products = bench.driver().products();
            long bytes = 2L * size[0] * size[1];
            long x = bench.zeros(2L * rows * size[1]);
            long y = bench.zeros(2L * rows * size[0]);
            for (ProductLibrary.Algorithm choice : ProductLibrary.Algorithm.values()) {
                var shape =
                        new ProductLibrary.Shape(rows, size[0], size[1], element, element, ProductLibrary.Sum.REPLACE);
                var probe = new ProductLibrary.Operands(x, size[1], w, size[1], y, size[0]);
                ProductLibrary.Plan plan = products.plan(shape, choice, probe);
                bench.timed(
                        "cuBLASLt " + choice + " " + size[0] + "x" + size[1] + " rows " + rows,
                        sets,
                        () -> {
                            for (int i = 0; i < sets; i++) {
                                products.multiply(
                                        bench.stream(),
                                        plan,
                                        new ProductLibrary.Operands(x, size[1], w + i * bytes, size[1], y, size[0]));
                            }
                        },
                        bytes,
                        2.0 * rows * size[0] * size[1]);
            }
        }
    }
}
