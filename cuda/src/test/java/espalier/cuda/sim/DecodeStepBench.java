package espalier.cuda.sim;

import espalier.cuda.cases.Workbench;
import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Dim;
import java.util.Locale;
import java.util.Map;

/**
 * How long the simulator takes for one token through a model of 1.2 million parameters at a context of 256, with checks
 * and without: norms, projections, attention, feed-forward, head, by the specimens. The best step
 * of some seconds. {@code main} prints it; {@code seconds} for each may follow.
 */
final class DecodeStepBench {
    private static final int WIDTH = 256, INNER = 384, LAYERS = 2, VOCABULARY = 512, HEADS = 4, HEAD_DIM = 64;
    private static final int CONTEXT = 256, PAGE = 16, SPLITS = 4;
    private static final double DEFAULT_SECONDS = 4;

    private final Workbench bench;
    private final long q, k, v, pages, lengths, part, scales, attended, normed, residual, x, weight, act, y, head;
    private final long[][] layers = new long[LAYERS][4];

    private DecodeStepBench(Workbench bench) {
        this.bench = bench;
        q = random(HEADS * HEAD_DIM);
        k = random(CONTEXT * HEADS * HEAD_DIM);
        v = random(CONTEXT * HEADS * HEAD_DIM);
        int[] table = new int[CONTEXT / PAGE];
        java.util.Arrays.setAll(table, p -> p);
        pages = bench.ints(table);
        lengths = bench.ints(CONTEXT);
        part = bench.zeros(HEADS * SPLITS * HEAD_DIM * 4L);
        scales = bench.zeros(HEADS * SPLITS * 2 * 4L);
        attended = bench.zeros(WIDTH * 2L);
        normed = bench.zeros(WIDTH * 2L);
        residual = random(WIDTH);
        x = random(WIDTH);
        weight = random(WIDTH);
        act = random(INNER);
        y = bench.zeros(4L * 3 * WIDTH);
        head = random(VOCABULARY * WIDTH);
        for (long[] layer : layers) {
            layer[0] = random(3 * WIDTH * WIDTH);
            layer[1] = random(WIDTH * WIDTH);
            layer[2] = random(2 * INNER * WIDTH);
            layer[3] = random(WIDTH * INNER);
        }
    }

    private long random(int n) {
        return bench.bf16(bench.normal(n, 1));
    }

    private void norm() {
        var entry = new Specimens.Entry("add_rmsnorm.cu", "add_rmsnorm", Map.of());
        Arguments arguments =
                Specimens.pointers(normed, residual, x, weight).int32(WIDTH).float32(1e-5f);
        Specimens.launch(bench, entry, Launch.of(1, 32), arguments);
    }

    private void product(long w, long input, int rows, int cols) {
        var entry = new Specimens.Entry("gemv.cu", "gemv", Map.of());
        Arguments arguments = Specimens.pointers(y, w, input).int32(rows).int32(cols);
        Specimens.launch(bench, entry, Launch.of(rows / 4, 128), arguments);
    }

    private void attention() {
        var define = Map.of("HEAD_DIM", "" + HEAD_DIM);
        Specimens.launch(
                bench,
                new Specimens.Entry("decode_attn.cu", "decode_attn", define),
                Launch.of(Dim.of(SPLITS, HEADS), Dim.of(32)).shared(4 * 32 * (HEAD_DIM + 8) * 2 + 128),
                Specimens.pointers(part, scales, q, k, v, pages, lengths)
                        .int32(4)
                        .int32(CONTEXT / PAGE)
                        .float32(0.18f));
        Specimens.launch(
                bench,
                new Specimens.Entry("decode_attn.cu", "decode_combine", define),
                Launch.of(HEADS, HEAD_DIM),
                Specimens.pointers(attended, part, scales).int32(SPLITS));
    }

    private void step() {
        for (long[] layer : layers) {
            norm();
            product(layer[0], normed, 3 * WIDTH, WIDTH);
            attention();
            product(layer[1], attended, WIDTH, WIDTH);
            norm();
            product(layer[2], normed, 2 * INNER, WIDTH);
            product(layer[3], act, WIDTH, INNER);
        }
        product(head, normed, VOCABULARY, WIDTH);
        bench.driver().synchronize(bench.stream());
    }

    private static void run(SimulatedDriver.Setup setup, double seconds) {
        SimulatedDriver device = SimulatedDriver.open(setup).orElseThrow();
        try (device;
                var bench = new Workbench(device)) {
            var model = new DecodeStepBench(bench);
            long best = Long.MAX_VALUE, instructions = 0;
            for (long begin = System.nanoTime(); System.nanoTime() - begin < seconds * 1e9; ) {
                long before = device.counters().instructions(), start = System.nanoTime();
                model.step();
                best = Math.min(best, System.nanoTime() - start);
                instructions = device.counters().instructions() - before;
            }
            device.expectNoFindings();
            System.out.printf(
                    Locale.ROOT,
                    "%s: %.1f ms a step, %d warp instructions, %.0f ns each%n",
                    setup.checked() ? "checked" : "unchecked",
                    best / 1e6,
                    instructions,
                    (double) best / instructions);
        }
    }

    public static void main(String[] args) {
        double seconds = args.length > 0 ? Double.parseDouble(args[0]) : DEFAULT_SECONDS;
        run(SimulatedDriver.Setup.of("80"), seconds);
        run(SimulatedDriver.Setup.of("80").unchecked(), seconds);
    }
}
