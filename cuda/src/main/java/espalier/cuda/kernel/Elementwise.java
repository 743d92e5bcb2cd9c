package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Dim;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.tensor.DType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The ops that touch each number once ({@code elementwise.cu}, {@code norms.cu}, {@code convert.cu}), queued on one
 * stream. Activations of an op share one type, F32, BF16 or F16; tables, norm weights and biases have their own.
 */
public final class Elementwise {
    private static final int THREADS = 256;
    private static final int GROUP = 8;
    private static final int MOST_THREADS = 1024;
    private static final int MOST_VECTORS = 4;

    private final Driver driver;
    private final Stream stream;
    private final Map<Entry, Kernel> kernels = new HashMap<>();

    public Elementwise(Driver driver, Stream stream) {
        this.driver = driver;
        this.stream = stream;
    }

    /** An entry of a source file, compiled for two types. */
    private record Entry(String file, String name, DType first, DType second, int vectors) {
        Program program() {
            var defines = new HashMap<String, Object>();
            defines.put(file.equals("convert.cu") ? "FROM" : "ACTIVATION", View.numberName(first));
            defines.put(file.equals("convert.cu") ? "TO" : "WEIGHT", View.numberName(second));
            if (vectors > 0) {
                defines.put("VECTORS", vectors);
            }
            return Sources.program(file, defines);
        }
    }

    /** What a model with rows of {@code cols} needs, to be compiled before it is needed. */
    public static List<Program> programs(DType activation, DType weight, int cols) {
        return List.of(
                new Entry("elementwise.cu", "", activation, weight, 0).program(),
                new Entry("norms.cu", "", activation, weight, vectors(cols)).program());
    }

    /** {@code out = x / sqrt(mean(x^2) + eps) * weight}, row by row; {@code out} may be {@code x}. */
    public void rmsNorm(View x, View weight, float eps, View out) {
        weight.require("weight", 1, x.cols());
        out.require("out", x.rows(), x.cols());
        out.require("out", x.type());
        Arguments args = Arguments.of().pointer(x.address()).int32(x.stride()).pointer(weight.address());
        args.pointer(out.address()).int32(out.stride()).int32(x.cols()).float32(eps);
        norm("rms_norm", x, weight, args.int32(flag(View.areWide(x, weight, out))));
    }

    private void norm(String name, View x, View weight, Arguments args) {
        int vectors = vectors(x.cols());
        int threads = Math.ceilDiv(Math.ceilDiv(Math.ceilDiv(x.cols(), GROUP), vectors), 32) * 32;
        if (x.rows() > 0) {
            launch(new Entry("norms.cu", name, x.type(), weight.type(), vectors), Dim.of(x.rows()), threads, args);
        }
    }

    private static int vectors(int cols) {
        int groups = Math.ceilDiv(cols, GROUP);
        if (groups > MOST_THREADS * MOST_VECTORS) {
            throw new IllegalArgumentException("norms of rows of " + cols + " numbers; at most "
                    + MOST_THREADS * MOST_VECTORS * GROUP + " are served");
        }
        return groups <= MOST_THREADS ? 1 : groups <= 2 * MOST_THREADS ? 2 : MOST_VECTORS;
    }

    /** Each head of {@code x} normalised, in place; weight is [1, headDim]. */
    public void headNorm(View x, int headDim, View weight, float eps) {
        weight.require("weight", 1, headDim);
        int heads = x.cols() / headDim;
        boolean wide = View.areWide(x, weight) && headDim % GROUP == 0;
        Arguments args = Arguments.of().pointer(x.address()).int32(x.stride()).pointer(weight.address());
        args.int32(x.rows()).int32(heads).int32(headDim).float32(eps).int32(flag(wide));
        int blocks = Math.ceilDiv(x.rows() * heads, THREADS / 32);
        if (blocks > 0) {
            launch(new Entry("norms.cu", "head_norm", x.type(), weight.type(), 1), Dim.of(blocks), THREADS, args);
        }
    }

    /** {@code x += delta}. */
    public void add(View x, View delta) {
        delta.require("delta", x.rows(), x.cols());
        delta.require("delta", x.type());
        Arguments args = Arguments.of().pointer(x.address()).int32(x.stride());
        args.pointer(delta.address()).int32(delta.stride()).int32(x.cols());
        rows("add", x, x.type(), args.int32(flag(View.areWide(x, delta))));
    }

    /** {@code x[i] += bias} for every row; bias is [1, cols]. */
    public void addBias(View x, View bias) {
        bias.require("bias", 1, x.cols());
        Arguments args = Arguments.of().pointer(x.address()).int32(x.stride()).pointer(bias.address());
        rows("add_bias", x, bias.type(), args.int32(x.cols()).int32(flag(View.areWide(x, bias))));
    }

    /** {@code out = silu(gate) * up} where {@code gateUp = [gate | up]}. */
    public void siluMul(View gateUp, View out) {
        gated("silu_mul", gateUp, out);
    }

    /** As {@link #siluMul} with GELU, by its approximation with tanh. */
    public void geluMul(View gateUp, View out) {
        gated("gelu_mul", gateUp, out);
    }

    private void gated(String name, View gateUp, View out) {
        gateUp.require("gateUp", out.rows(), 2 * out.cols());
        gateUp.require("gateUp", out.type());
        boolean wide = View.areWide(gateUp, out) && out.cols() % GROUP == 0;
        Arguments args = Arguments.of().pointer(gateUp.address()).int32(gateUp.stride());
        args.pointer(out.address()).int32(out.stride()).int32(out.cols()).int32(flag(wide));
        rows(name, out, out.type(), args);
    }

    /**
     * {@code out[i] = table[ids[i] - firstId]}; rows outside the table become zero.
     *
     * @param ids one a row of {@code out}; a negative one, {@code -1 - seat}, stands for {@code lastTokens[seat]}
     * @param lastTokens unused (0) where no id is negative
     */
    public void embed(long ids, long lastTokens, View table, int firstId, View out) {
        table.require("table", table.rows(), out.cols());
        Arguments args = Arguments.of().pointer(ids).pointer(lastTokens);
        args.pointer(table.address()).int32(table.rows()).int32(table.stride()).int32(firstId);
        args.pointer(out.address()).int32(out.stride()).int32(out.cols());
        rows("embed", out, table.type(), args.int32(flag(View.areWide(table, out))));
    }

    /**
     * Replaces each negative id {@code -1 - seat} by {@code lastTokens[seat]}, in place. The first kernel of a step: it begins
     * when all before it has ended, so what the step's kernels find in its arrays and page table is settled even before
     * they wait for each other.
     */
    public void resolveIds(long ids, int count, long lastTokens) {
        var entry = new Entry("elementwise.cu", "resolve_ids", DType.BF16, DType.BF16, 0);
        Arguments args = Arguments.of().pointer(ids).pointer(lastTokens).int32(count);
        Dim grid = Dim.of(Math.ceilDiv(count, THREADS));
        driver.launch(stream, kernel(entry), Launch.of(grid, Dim.of(THREADS)), args);
    }

    /** {@code out[i] = x[indices[i]]}. */
    public void gatherRows(View x, long indices, View out) {
        x.require("x", x.rows(), out.cols());
        x.require("x", out.type());
        Arguments args = Arguments.of().pointer(x.address()).int32(x.stride()).pointer(indices);
        args.pointer(out.address()).int32(out.stride()).int32(out.cols());
        rows("gather_rows", out, out.type(), args.int32(flag(View.areWide(x, out))));
    }

    /** Between number formats it converts, rounding to nearest even; I32 goes to I32 alone. */
    public void copy(View from, View to) {
        from.require("from", to.rows(), to.cols());
        if (from.type() == DType.I32 != (to.type() == DType.I32)) {
            throw new IllegalArgumentException("copy of " + from.type() + " to " + to.type());
        }
        Arguments args = Arguments.of().pointer(from.address()).int32(from.stride());
        args.pointer(to.address()).int32(to.stride()).int32(to.cols()).int32(flag(View.areWide(from, to)));
        launchRows(new Entry("convert.cu", "convert", from.type(), to.type(), 0), to, args);
    }

    /** Sets {@code words} 32-bit words. */
    public void fill(long to, int word, long words) {
        var entry = new Entry("elementwise.cu", "fill", DType.BF16, DType.BF16, 0);
        launchFill(entry, words, Arguments.of().pointer(to).int32(word).int64(words));
    }

    /** Dummy weights: the very numbers that {@code DummyCheckpoint} makes for a seed, uniform in [-bound, bound). */
    public void fillUniform(View to, long seed, float bound) {
        if (to.stride() != to.cols()) {
            throw new IllegalArgumentException("rows with gaps cannot be filled");
        }
        long count = (long) to.rows() * to.cols();
        Arguments args =
                Arguments.of().pointer(to.address()).int64(count).int64(seed).float32(bound);
        launchFill(new Entry("elementwise.cu", "fill_uniform", DType.BF16, to.type(), 0), Math.ceilDiv(count, 2), args);
    }

    private void launchFill(Entry entry, long items, Arguments args) {
        int blocks = (int) Math.min(8L * driver.properties().multiprocessors(), Math.ceilDiv(items, THREADS));
        launch(entry, Dim.of(blocks), THREADS, args);
    }

    private void rows(String name, View out, DType weight, Arguments args) {
        launchRows(new Entry("elementwise.cu", name, out.type(), weight, 0), out, args);
    }

    private void launchRows(Entry entry, View out, Arguments args) {
        if (out.rows() > 0) {
            launch(entry, Dim.of(out.rows(), Math.ceilDiv(out.cols(), GROUP * THREADS)), THREADS, args);
        }
    }

    private void launch(Entry entry, Dim grid, int threads, Arguments args) {
        Launch launch = Launch.of(grid, Dim.of(threads)).order(Launch.Order.DEPENDENT);
        driver.launch(stream, kernel(entry), launch, args);
    }

    private Kernel kernel(Entry entry) {
        Kernel kernel = kernels.get(entry);
        if (kernel == null) {
            kernel = driver.kernel(entry.program(), entry.name());
            kernels.put(entry, kernel);
        }
        return kernel;
    }

    private static int flag(boolean holds) {
        return holds ? 1 : 0;
    }
}
