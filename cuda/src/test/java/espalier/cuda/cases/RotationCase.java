package espalier.cuda.cases;

import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionCall.PagedLayer;
import espalier.cuda.kernel.AttentionCall.Rows;
import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.Rotation;
import espalier.cuda.kernel.Rotation.Pairs;
import espalier.cuda.kernel.StepArrays;
import espalier.tensor.DType;

/** Rotation and the write to the cache against their definition in double, far positions and an unwritten token included. */
record RotationCase(AttentionShape shape, int rotaryDim, Pairs pairs) implements KernelCase {
    private static final int[] POSITIONS = {0, 1, 77, 4095, 131_071};
    private static final int[] SLOTS = {3, 0, 6, -1, 5};
    private static final int CACHED = 7;
    private static final float FACTOR = 1.25f;

    @Override
    public String name() {
        return "rotary embedding " + shape.heads() + "/" + shape.kvHeads() + " x " + shape.headDim() + " "
                + shape.dtype() + " of " + rotaryDim + " " + pairs;
    }

    @Override
    public boolean runsOn(DeviceProperties device) {
        return device.computeCapability() >= 80 || shape.dtype() == DType.F16;
    }

    @Override
    public void check(Workbench bench) {
        int d = shape.headDim();
        int q = shape.heads() * d;
        int kv = shape.kvHeads() * d;
        int cols = q + 2 * kv;
        float[] rows = bench.normal(POSITIONS.length * cols, 1);
        var frequencies = new float[rotaryDim / 2];
        for (int j = 0; j < frequencies.length; j++) {
            frequencies[j] = (float) Math.pow(500_000, -2.0 * j / rotaryDim);
        }
        long at = bench.halves(shape.dtype(), rows);
        long k = bench.halves(shape.dtype(), new float[CACHED * kv]);
        long v = bench.halves(shape.dtype(), new float[CACHED * kv]);
        long positions = bench.ints(POSITIONS);
        int n = POSITIONS.length;
        var step = new StepArrays(positions, bench.ints(SLOTS), positions, positions, positions, positions, 1, 1, n, n);
        var call = new AttentionCall(
                new Rows(at, cols),
                new Rows(at + 2L * q, cols),
                new Rows(at + 2L * (q + kv), cols),
                at,
                new PagedLayer(k, v, CACHED),
                1,
                0);
        new Rotation(bench.driver(), shape)
                .launch(
                        bench.stream(),
                        call,
                        step,
                        new Rotation.Angles(bench.floats(frequencies), rotaryDim, FACTOR, pairs));
        float[] turned = rows.clone();
        var keys = new float[CACHED * kv];
        var values = new float[CACHED * kv];
        for (int t = 0; t < n; t++) {
            for (int h = 0; h < shape.heads() + shape.kvHeads(); h++) {
                turn(turned, t * cols + h * d, POSITIONS[t], frequencies);
            }
            if (SLOTS[t] >= 0) {
                System.arraycopy(turned, t * cols + q, keys, SLOTS[t] * kv, kv);
                System.arraycopy(turned, t * cols + q + kv, values, SLOTS[t] * kv, kv);
            }
        }
        bench.compare("rows", read(bench, at, rows.length), turned, cols, 1e-2);
        bench.compare("keys", read(bench, k, keys.length), keys, kv, 1e-2);
        bench.compare("values", read(bench, v, values.length), values, kv, 1e-2);
    }

    private void turn(float[] x, int from, int position, float[] frequencies) {
        for (int j = 0; j < frequencies.length; j++) {
            int a = from + (pairs == Pairs.HALVES ? j : 2 * j);
            int b = from + (pairs == Pairs.HALVES ? j + rotaryDim / 2 : 2 * j + 1);
            double angle = position * frequencies[j];
            double cos = FACTOR * Math.cos(angle);
            double sin = FACTOR * Math.sin(angle);
            double u = x[a] * cos - x[b] * sin;
            x[b] = (float) (x[b] * cos + x[a] * sin);
            x[a] = (float) u;
        }
    }

    private float[] read(Workbench bench, long at, int count) {
        return shape.dtype() == DType.F16 ? bench.readF16(at, count) : bench.readBf16(at, count);
    }
}
