package espalier.cpu;

import static espalier.cpu.Lanes.L;
import static espalier.cpu.Lanes.V;

import espalier.cpu.jit.RowOps;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** By the Vector API, vector by vector, the last one masked; sums go down one accumulator. */
final class RowLoops implements RowOps {
    @Override
    public float sumOfSquares(long x, int count, int lane) {
        FloatVector sum = Lanes.zero();
        int whole = count / L;
        for (int i = 0; i < whole; i++) {
            FloatVector v = Lanes.load(x + (long) i * V);
            sum = v.fma(v, sum);
        }
        if (whole * L < count) {
            FloatVector v = Lanes.load(x + (long) whole * V, Lanes.first(count - whole * L));
            sum = v.fma(v, sum);
        }
        return Lanes.sum(sum);
    }

    @Override
    public void scale(long x, float scale, long weight, long out, int count) {
        int whole = count / L;
        for (int i = 0; i < whole; i++) {
            long at = (long) i * V;
            Lanes.store(Lanes.load(x + at).mul(scale).mul(Lanes.load(weight + at)), out + at);
        }
        if (whole * L < count) {
            long at = (long) whole * V;
            VectorMask<Float> mask = Lanes.first(count - whole * L);
            Lanes.store(Lanes.load(x + at, mask).mul(scale).mul(Lanes.load(weight + at, mask)), out + at, mask);
        }
    }

    @Override
    public void add(long x, long y, int count) {
        int whole = count / L;
        for (int i = 0; i < whole; i++) {
            long at = (long) i * V;
            Lanes.store(Lanes.load(x + at).add(Lanes.load(y + at)), x + at);
        }
        if (whole * L < count) {
            long at = (long) whole * V;
            VectorMask<Float> mask = Lanes.first(count - whole * L);
            Lanes.store(Lanes.load(x + at, mask).add(Lanes.load(y + at, mask)), x + at, mask);
        }
    }

    @Override
    public void siluMul(long gate, long up, long out, int count) {
        int whole = count / L;
        for (int i = 0; i < whole; i++) {
            long at = (long) i * V;
            Lanes.store(silu(Lanes.load(gate + at)).mul(Lanes.load(up + at)), out + at);
        }
        if (whole * L < count) {
            long at = (long) whole * V;
            VectorMask<Float> mask = Lanes.first(count - whole * L);
            Lanes.store(silu(Lanes.load(gate + at, mask)).mul(Lanes.load(up + at, mask)), out + at, mask);
        }
    }

    private static FloatVector silu(FloatVector v) {
        return v.div(Lanes.exp(v.neg()).add(1f));
    }

    @Override
    public void rotate(long x, int half, long cosines, long sines) {
        int whole = half / L;
        for (int i = 0; i < whole; i++) {
            rotate(x + (long) i * V, 4L * half, Lanes.load(cosines + (long) i * V), Lanes.load(sines + (long) i * V));
        }
        int rest = half - whole * L;
        if (rest > 0) {
            long at = (long) whole * V;
            VectorMask<Float> mask = Lanes.first(rest);
            FloatVector cosine = Lanes.load(cosines + at, mask);
            FloatVector sine = Lanes.load(sines + at, mask);
            FloatVector a = Lanes.load(x + at, mask);
            FloatVector b = Lanes.load(x + at + 4L * half, mask);
            Lanes.store(a.mul(cosine).sub(b.mul(sine)), x + at, mask);
            Lanes.store(b.mul(cosine).add(a.mul(sine)), x + at + 4L * half, mask);
        }
    }

    private static void rotate(long x, long other, FloatVector cosine, FloatVector sine) {
        FloatVector a = Lanes.load(x);
        FloatVector b = Lanes.load(x + other);
        Lanes.store(a.mul(cosine).sub(b.mul(sine)), x);
        Lanes.store(b.mul(cosine).add(a.mul(sine)), x + other);
    }

    @Override
    public void toBf16(long from, long to, int count) {
        for (int i = 0; i < count; i += L) {
            if (count - i >= L) {
                Lanes.storeBf16(Lanes.load(from + 4L * i), to + 2L * i);
            } else {
                Lanes.storeBf16(Lanes.load(from + 4L * i, Lanes.first(count - i)), to + 2L * i, count - i);
            }
        }
    }
}
