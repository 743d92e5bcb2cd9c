package espalier.cuda;

import static espalier.cuda.CudaBuffer.address;
import static espalier.cuda.CudaBuffer.view;

import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Stream;
import espalier.cuda.kernel.AttentionCall;
import espalier.cuda.kernel.AttentionLimits;
import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.Elementwise;
import espalier.cuda.kernel.Epilogue;
import espalier.cuda.kernel.PageScatter;
import espalier.cuda.kernel.PagedAttention;
import espalier.cuda.kernel.PrefixArrays;
import espalier.cuda.kernel.ProductKernels;
import espalier.cuda.kernel.Rotation;
import espalier.cuda.kernel.StepArrays;
import espalier.cuda.kernel.View;
import espalier.tensor.DType;
import espalier.tensor.Matrix;
import espalier.tensor.OpShapes;
import espalier.tensor.Ops;
import espalier.tensor.SharedPrefixes;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The ops, queued on one stream. */
final class CudaOps implements Ops {
    /** Rows of a step; what the attention keeps a token is small. */
    private static final int MOST_TOKENS = 1 << 20;

    private final Driver driver;
    private final Stream stream;
    private final DType activations;
    private final Elementwise elementwise;
    private final ProductKernels products;
    private final int leastSharing;
    private final PageScatter scatter;
    private final Map<Attending, Attender> attenders = new HashMap<>();

    CudaOps(Driver driver, Stream stream, DType activations, ProductKernels products, int leastSharing) {
        this.driver = driver;
        this.stream = stream;
        this.activations = activations;
        this.products = products;
        this.leastSharing = leastSharing;
        elementwise = new Elementwise(driver, stream);
        scatter = new PageScatter(driver);
    }

    /**
     * What attention is compiled and sized for.
     *
     * @param longest no sequence has more positions: its row of the page table ends, or the cache has no more. All of them
     *     together may well have more than the cache, since a prefix that several share counts for each.
     */
    private record Attending(AttentionShape shape, int window, int pageSize, int seats, long longest) {}

    /** Attention of one kind of layer, and the step that it is planned for. */
    private static final class Attender {
        private final PagedAttention attention;
        private @Nullable StepInputs planned;
        private PagedAttention.@Nullable Plan plan;

        Attender(PagedAttention attention) {
            this.attention = attention;
        }
    }

    @Override
    public DType activations() {
        return activations;
    }

    /** What comes next is recorded, or has other arrays: every step is planned anew. */
    void forgetPlans() {
        attenders.values().forEach(a -> a.planned = null);
    }

    /** Asks for what every step needs beside its pass. */
    void rehearseStep() {
        elementwise.resolveIds(0, 1, 0);
        scatter.launch(stream, 0, 0, 0, 1);
    }

    @Override
    public void resolveIds(Tensor ids, Tensor lastTokens) {
        OpShapes.resolveIds(ids, lastTokens);
        elementwise.resolveIds(address(ids), ids.cols(), address(lastTokens));
    }

    @Override
    public void embed(Tensor ids, Matrix table, int firstId, Tensor out) {
        OpShapes.embed(ids, table, out);
        View rows = switch (table) {
            case Matrix.Dense(Tensor values) -> view(values);
            case CudaMatrix(View prepared) -> prepared;
            case Matrix.Blocks _, Matrix.Stacked _, Matrix.Prepared _ ->
                throw new IllegalArgumentException("an embedding table of " + table.getClass());
        };
        elementwise.embed(address(ids), 0, rows, firstId, view(out));
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor out) {
        OpShapes.rmsNorm(x, weight, out);
        elementwise.rmsNorm(view(x), view(weight), eps, view(out));
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        OpShapes.add(x, delta);
        elementwise.add(view(x), view(delta));
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        OpShapes.addBias(x, bias);
        elementwise.addBias(view(x), view(bias));
    }

    @Override
    public void matmul(Tensor x, Matrix w, Tensor out) {
        OpShapes.matmul(x, w, out);
        if (x.rows() == 0) {
            return;
        }
        switch (w) {
            case Matrix.Dense(Tensor values) -> products.multiply(view(x), view(values), view(out), Epilogue.STORE);
            case CudaMatrix(View prepared) -> products.multiply(view(x), prepared, view(out), Epilogue.STORE);
            case Matrix.Stacked(var parts) -> {
                int from = 0;
                for (Matrix part : parts) {
                    matmul(x, part, out.cols(from, part.out()));
                    from += part.out();
                }
            }
            case Matrix.Blocks b -> throw new IllegalArgumentException(CudaWeights.unsupported(b));
            case Matrix.Prepared other -> throw new IllegalArgumentException("a matrix of another device: " + other);
        }
    }

    @Override
    public void addMatmul(Tensor x, Matrix w, Tensor between, Tensor sum) {
        OpShapes.addMatmul(x, w, between, sum);
        if (w instanceof CudaMatrix(View prepared) && x.rows() > 0) {
            products.multiply(view(x), prepared, view(sum), Epilogue.ADD);
        } else {
            matmul(x, w, between);
            add(sum, between);
        }
    }

    @Override
    public void gatedMatmul(Tensor x, Matrix gateUp, Tensor between, Tensor out) {
        OpShapes.gatedMatmul(x, gateUp, between, out);
        if (gateUp instanceof CudaMatrix(View w) && x.rows() > 0 && products.fuses(view(x), w, view(out))) {
            products.multiply(view(x), w, view(out), Epilogue.SILU_MUL);
        } else {
            matmul(x, gateUp, between);
            siluMul(between, out);
        }
    }

    @Override
    public void siluMul(Tensor gateUp, Tensor out) {
        OpShapes.siluMul(gateUp, out);
        elementwise.siluMul(view(gateUp), view(out));
    }

    @Override
    public void headNorm(Tensor x, int headDim, Tensor weight, float eps) {
        OpShapes.headNorm(x, headDim, weight);
        elementwise.headNorm(view(x), headDim, view(weight), eps);
    }

    @Override
    public void rope(Tensor x, int headDim, Tensor positions, Rope rope) {
        OpShapes.rope(x, headDim, positions, rope);
        if (x.rows() > 0) {
            Rotation.alone(driver, stream, view(x), headDim, address(positions), angles(rope));
        }
    }

    private static Rotation.Angles angles(Rope rope) {
        return new Rotation.Angles(
                address(rope.frequencies()), rope.rotaryDim(), rope.attentionFactor(), Rotation.Pairs.HALVES);
    }

    @Override
    public void attention(Attend call) {
        OpShapes.attention(call);
        attend(call, Rotation.Angles.NONE);
    }

    @Override
    public void rotaryAttention(Attend call, Rope rope) {
        OpShapes.attention(call);
        OpShapes.rope(call.q(), call.headDim(), call.in().positions(), rope);
        attend(call, angles(rope));
    }

    @SuppressWarnings("ReferenceEquality") // two steps of equal shape are two steps
    private void attend(Attend a, Rotation.Angles angles) {
        requireWhole(a.out());
        Attender attender = attenders.computeIfAbsent(attending(a), this::open);
        PagedAttention.Plan plan = attender.plan;
        if (plan == null || attender.planned != a.in()) {
            plan = plan(a.in());
            attender.attention.plan(stream, plan);
            attender.plan = plan;
            attender.planned = a.in();
        }
        if (!(a.kv() instanceof CudaKvCache cache)) {
            throw new IllegalArgumentException("a cache of another device: " + a.kv());
        }
        var call = new AttentionCall(
                rows(a.q()), rows(a.k()), rows(a.v()), address(a.out()), cache.layer(a.layer()), a.scale(), a.window());
        attender.attention.rotateAndAttend(stream, plan, call, angles);
    }

    private static void requireWhole(Tensor out) {
        if (out.stride() != out.cols()) {
            throw new IllegalArgumentException("attention writes rows of " + out.cols()
                    + " without gaps on a CUDA device, not " + out.stride() + " apart");
        }
    }

    /** Kernels read eight numbers at a time. */
    private static AttentionCall.Rows rows(Tensor t) {
        if (!view(t).isWide()) {
            throw new IllegalArgumentException(
                    "attention on a CUDA device reads rows that begin at multiples of 16 bytes," + " not " + t.stride()
                            + " numbers apart");
        }
        return new AttentionCall.Rows(address(t), t.stride());
    }

    private static Attending attending(Attend a) {
        int heads = a.q().cols() / a.headDim();
        var shape = new AttentionShape(heads, a.kv().shape().kvHeads(), a.headDim(), a.q().dtype(), 0);
        Tensor pages = a.in().pageTable();
        long longest =
                Math.min((long) pages.cols() * a.in().pageSize(), a.kv().shape().slots());
        return new Attending(shape, a.window(), a.in().pageSize(), pages.rows(), longest);
    }

    private Attender open(Attending a) {
        AttentionLimits limits = limits(a.seats, a.longest, a.window);
        PagedAttention attention = switch (decoding()) {
            case FASTEST -> PagedAttention.fastest(driver, stream, a.shape, limits, a.pageSize);
            case ALWAYS_ALIKE -> PagedAttention.alike(driver, stream, a.shape, limits, a.pageSize);
            case ONE_KERNEL -> new PagedAttention(driver, stream, a.shape, limits, a.pageSize);
        };
        driver.prepare(attention.programs(), (_, _) -> {});
        return new Attender(attention);
    }

    private PagedAttention.Decoding decoding() {
        return switch (products.mode()) {
            case FASTEST -> PagedAttention.Decoding.FASTEST;
            case DETERMINISTIC -> PagedAttention.Decoding.ALWAYS_ALIKE;
        };
    }

    private AttentionLimits limits(int seats, long longest, int window) {
        return new AttentionLimits(seats, Math.max(MOST_TOKENS, seats), seats * longest, window, leastSharing);
    }

    /** Bytes that attention of that kind will take at its first pass, where the cache holds the longest sequence. */
    long attentionBytes(Ops.Attending kind, int seats, long longest) {
        var shape = new AttentionShape(kind.heads(), kind.kvHeads(), kind.headDim(), activations, 0);
        return PagedAttention.deviceBytes(driver, shape, limits(seats, longest, kind.window()), decoding());
    }

    private static PagedAttention.Plan plan(StepInputs in) {
        var step = new StepArrays(
                address(in.positions()),
                address(in.writeSlots()),
                address(in.firstRow()),
                address(in.contextLen()),
                address(in.seats()),
                address(in.pageTable()),
                in.pageTable().stride(),
                in.pageSize(),
                in.sequences(),
                in.tokens());
        PagedAttention.Mix mix = switch (in.outline().rows()) {
            case ONE -> PagedAttention.Mix.DECODE;
            case SEVERAL -> PagedAttention.Mix.PREFILL;
            case ANY -> PagedAttention.Mix.MIXED;
        };
        return new PagedAttention.Plan(
                step, mix, in.outline().cached(), in.outline().longest(), prefixes(in.prefixes()));
    }

    private static @Nullable PrefixArrays prefixes(@Nullable SharedPrefixes shared) {
        return shared == null
                ? null
                : new PrefixArrays(
                        address(shared.lengths()),
                        address(shared.groups()),
                        address(shared.places()),
                        address(shared.members()),
                        address(shared.firstPlaces()));
    }

    @Override
    public void scatter(Tensor values, Tensor at, Tensor table) {
        OpShapes.scatter(values, at, table);
        scatter.launch(stream, address(values), address(at), address(table), values.cols());
    }

    @Override
    public void gatherRows(Tensor x, Tensor indices, Tensor out) {
        OpShapes.gatherRows(x, indices, out);
        elementwise.gatherRows(view(x), address(indices), view(out));
    }

    @Override
    public void copy(Tensor from, Tensor to) {
        OpShapes.copy(from, to);
        elementwise.copy(view(from), view(to));
    }
}
