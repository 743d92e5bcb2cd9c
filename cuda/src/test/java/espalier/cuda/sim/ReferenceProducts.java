package espalier.cuda.sim;

import espalier.cuda.driver.ProductLibrary;
import espalier.cuda.driver.Stream;
import espalier.tensor.BFloat16;

/** The vendor's matrix products as plain loops: sums in f32, columns of x in order. */
final class ReferenceProducts implements ProductLibrary {
    private final Simulator sim;
    private final Heap heap;
    private final Queues queues;
    private final Faults faults;

    ReferenceProducts(Simulator sim, Heap heap, Queues queues, Faults faults) {
        this.sim = sim;
        this.heap = heap;
        this.queues = queues;
        this.faults = faults;
    }

    @Override
    public String missing() {
        return "";
    }

    @Override
    public String version() {
        return "reference";
    }

    @Override
    public void open() {
        faults.at("open");
    }

    @Override
    public long workspaceBytes() {
        return 0;
    }

    @Override
    public Plan plan(Shape shape, Algorithm algorithm, Operands probe) {
        faults.at("plan");
        return new Plan(0, shape, 0);
    }

    @Override
    public void multiply(Stream stream, Plan plan, Operands operands) {
        faults.at("multiply");
        queues.add(stream, () -> run(plan.shape(), operands));
    }

    private void run(Shape s, Operands o) {
        float[][] x = matrix("x", s.operands(), s.rows(), s.in(), o.x(), o.xStride());
        float[][] w = matrix("w", s.operands(), s.out(), s.in(), o.w(), o.wStride());
        for (int row = 0; row < s.rows(); row++) {
            int bytes = s.out() * s.result().bytes();
            long address = o.y() + (long) row * o.yStride() * s.result().bytes();
            int at = s.sum() == Sum.ADD
                    ? heap.input("y of a matrix product", address, bytes)
                    : heap.index("y of a matrix product", address, bytes);
            for (int col = 0; at >= 0 && col < s.out(); col++) {
                int i = at + col * s.result().bytes();
                float sum = dot(x[row], w[col]) + (s.sum() == Sum.ADD ? get(s.result(), i) : 0);
                put(s.result(), i, sum);
            }
            if (at >= 0) {
                sim.global.mark(at, bytes, Memory.SET);
            }
        }
    }

    private static float dot(float[] x, float[] w) {
        float sum = 0;
        for (int k = 0; k < x.length; k++) {
            sum += x[k] * w[k];
        }
        return sum;
    }

    private float[][] matrix(String name, Element element, int rows, int cols, long address, int stride) {
        float[][] m = new float[rows][cols];
        for (int row = 0; row < rows; row++) {
            long from = address + (long) row * stride * element.bytes();
            int at = heap.input(name + " of a matrix product", from, cols * element.bytes());
            for (int col = 0; col < cols; col++) {
                m[row][col] = at < 0 ? Float.NaN : get(element, at + col * element.bytes());
            }
        }
        return m;
    }

    private float get(Element element, int i) {
        long bits = Memory.get(sim.global.data, i, element.bytes());
        return switch (element) {
            case BF16 -> BFloat16.toFloat((short) bits);
            case F16 -> Float.float16ToFloat((short) bits);
            case F32 -> Float.intBitsToFloat((int) bits);
        };
    }

    private void put(Element element, int i, float v) {
        long bits = switch (element) {
            case BF16 -> BFloat16.of(v);
            case F16 -> Float.floatToFloat16(v);
            case F32 -> Float.floatToRawIntBits(v);
        };
        Memory.put(sim.global.data, i, element.bytes(), bits);
    }
}
