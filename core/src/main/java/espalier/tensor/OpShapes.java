package espalier.tensor;

/**
 * What {@link Ops} may be asked: one check for each op, shared by all devices, so that a wrong shape or type fails with
 * the same words everywhere and before anything is written.
 */
public final class OpShapes {
    private OpShapes() {}

    public static void resolveIds(Tensor ids, Tensor lastTokens) {
        ints("ids", ids, 1);
        ints("lastTokens", lastTokens, 1);
    }

    public static void embed(Tensor ids, Matrix table, Tensor out) {
        ints("ids", ids, out.rows());
        switch (table) {
            case Matrix.Dense(Tensor values) -> numbers("table", values);
            case Matrix.Blocks _ -> {}
            case Matrix.Stacked _, Matrix.Prepared _ ->
                throw new IllegalArgumentException("table is stacked or prepared, want one stored matrix");
        }
        activations("out", out);
        shape("out", out, out.rows(), table.in());
    }

    public static void rmsNorm(Tensor x, Tensor weight, Tensor out) {
        activations("x", x);
        alike("out", out, x);
        numbers("weight", weight);
        shape("weight", weight, 1, x.cols());
        shape("out", out, x.rows(), x.cols());
    }

    public static void add(Tensor x, Tensor delta) {
        activations("x", x);
        alike("delta", delta, x);
        shape("delta", delta, x.rows(), x.cols());
    }

    public static void addBias(Tensor x, Tensor bias) {
        activations("x", x);
        numbers("bias", bias);
        shape("bias", bias, 1, x.cols());
    }

    public static void matmul(Tensor x, Matrix w, Tensor out) {
        activations("x", x);
        if (out.dtype() != DType.F32) {
            alike("out", out, x);
        }
        shape("x", x, x.rows(), w.in());
        shape("out", out, x.rows(), w.out());
        switch (w) {
            case Matrix.Dense(Tensor values) -> numbers("w", values);
            case Matrix.Blocks _ -> {}
            case Matrix.Prepared _ -> {} // only the device that made it can tell more
            case Matrix.Stacked(var parts) -> {
                int from = 0;
                for (Matrix part : parts) {
                    matmul(x, part, out.cols(from, part.out()));
                    from += part.out();
                }
            }
        }
    }

    public static void addMatmul(Tensor x, Matrix w, Tensor between, Tensor sum) {
        matmul(x, w, between);
        add(sum, between);
    }

    public static void gatedMatmul(Tensor x, Matrix gateUp, Tensor between, Tensor out) {
        matmul(x, gateUp, between);
        siluMul(between, out);
    }

    public static void siluMul(Tensor gateUp, Tensor out) {
        activations("gateUp", gateUp);
        alike("out", out, gateUp);
        shape("gateUp", gateUp, out.rows(), 2 * out.cols());
    }

    public static void rope(Tensor x, int headDim, Tensor positions, Ops.Rope rope) {
        activations("x", x);
        heads("x", x, headDim);
        ints("positions", positions, x.rows());
        if (rope.rotaryDim() % 2 != 0 || rope.rotaryDim() < 2 || rope.rotaryDim() > headDim) {
            throw new IllegalArgumentException(
                    "rotaryDim is " + rope.rotaryDim() + "; an even number up to headDim " + headDim + " is wanted");
        }
        f32("frequencies", rope.frequencies());
        shape("frequencies", rope.frequencies(), 1, rope.rotaryDim() / 2);
    }

    public static void headNorm(Tensor x, int headDim, Tensor weight) {
        activations("x", x);
        heads("x", x, headDim);
        numbers("weight", weight);
        shape("weight", weight, 1, headDim);
    }

    public static void attention(Ops.Attend a) {
        KvCache.Shape kv = a.kv().shape();
        int tokens = a.in().tokens();
        activations("q", a.q());
        alike("k", a.k(), a.q());
        alike("v", a.v(), a.q());
        alike("out", a.out(), a.q());
        heads("q", a.q(), a.headDim());
        shape("q", a.q(), tokens, a.q().cols());
        shape("k", a.k(), tokens, kv.kvHeads() * kv.headDim());
        shape("v", a.v(), tokens, a.k().cols());
        shape("out", a.out(), tokens, a.q().cols());
        if (kv.headDim() != a.headDim() || a.q().cols() / a.headDim() % kv.kvHeads() != 0) {
            throw new IllegalArgumentException("q has heads of " + a.headDim() + " in " + a.q().cols()
                    + " columns; the cache has " + kv.kvHeads() + " heads of " + kv.headDim());
        }
        if (a.layer() < 0 || a.layer() >= kv.layers() || a.window() < 0) {
            throw new IllegalArgumentException(
                    "layer " + a.layer() + " of " + kv.layers() + " with window " + a.window());
        }
        stepInputs(a.in());
    }

    private static void stepInputs(StepInputs in) {
        ints("positions", in.positions(), in.tokens());
        ints("writeSlots", in.writeSlots(), in.tokens());
        ints("firstRow", in.firstRow(), in.sequences());
        ints("contextLen", in.contextLen(), in.sequences());
        ints("seats", in.seats(), in.sequences());
        if (in.pageTable().dtype() != DType.I32 || in.pageSize() < 1) {
            throw new IllegalArgumentException(
                    "pageTable is " + in.pageTable().dtype() + " with pages of " + in.pageSize());
        }
    }

    public static void scatter(Tensor values, Tensor at, Tensor table) {
        ints("values", values, 1);
        ints("at", at, values.cols());
        if (table.dtype() != DType.I32 || table.stride() != table.cols()) {
            throw new IllegalArgumentException("table is " + table.dtype() + " " + table.rows() + "x" + table.cols()
                    + " in rows of " + table.stride() + ", want I32 without gaps");
        }
    }

    public static void gatherRows(Tensor x, Tensor indices, Tensor out) {
        activations("x", x);
        alike("out", out, x);
        ints("indices", indices, out.rows());
        shape("out", out, out.rows(), x.cols());
    }

    public static void copy(Tensor from, Tensor to) {
        shape("to", to, from.rows(), from.cols());
        if (from.dtype() == DType.I32 != (to.dtype() == DType.I32)) {
            throw new IllegalArgumentException("copy of " + from.dtype() + " to " + to.dtype());
        }
    }

    public static void logits(Tensor logits, int rows, int vocab) {
        f32("logits", logits);
        shape("logits", logits, rows, vocab);
    }

    private static void shape(String name, Tensor t, int rows, int cols) {
        if (t.rows() != rows || t.cols() != cols) {
            throw new IllegalArgumentException(
                    name + " is " + t.rows() + "x" + t.cols() + ", want " + rows + "x" + cols);
        }
    }

    /** A row of at least {@code count} integers: the arrays of {@link StepInputs} may be longer than a step needs. */
    private static void ints(String name, Tensor t, int count) {
        if (t.dtype() != DType.I32 || t.rows() != 1 || t.cols() < count) {
            throw new IllegalArgumentException(name + " is " + t.dtype() + " " + t.rows() + "x" + t.cols()
                    + ", want I32 1x" + count + " or wider");
        }
    }

    /** Whatever type a device has them in; that they are of it is the device's to require. */
    private static void activations(String name, Tensor t) {
        numbers(name, t);
    }

    private static void alike(String name, Tensor t, Tensor other) {
        if (t.dtype() != other.dtype()) {
            throw new IllegalArgumentException(name + " is " + t.dtype() + ", want " + other.dtype());
        }
    }

    private static void f32(String name, Tensor t) {
        if (t.dtype() != DType.F32) {
            throw new IllegalArgumentException(name + " is " + t.dtype() + ", want F32");
        }
    }

    private static void numbers(String name, Tensor t) {
        if (t.dtype() == DType.I32) {
            throw new IllegalArgumentException(name + " is I32, want F32, BF16 or F16");
        }
    }

    private static void heads(String name, Tensor t, int headDim) {
        if (headDim < 1 || t.cols() % headDim != 0) {
            throw new IllegalArgumentException(
                    name + " has " + t.cols() + " columns, no multiple of headDim " + headDim);
        }
    }
}
