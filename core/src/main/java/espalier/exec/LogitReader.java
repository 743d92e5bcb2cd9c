package espalier.exec;

import espalier.model.Decoder;
import espalier.model.MemoryPlan;
import espalier.model.Mesh;
import espalier.model.Pass;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * Logits of every position of one text at a time: what measurements of a model's quality read. No scheduler and no sampler
 * take part. Owns the model, which is on one rank; for one thread.
 */
public final class LogitReader implements AutoCloseable {
    private final LoadedModel model;
    private final Device device;
    private final Decoder decoder;
    private final int most;
    private final Workspace space;
    private final KvCache kv;
    private final Tensor ids;
    private final Tensor positions;
    private final Tensor rows;
    private final Tensor pages;
    private final Tensor zero;
    private final Tensor context;

    /**
     * @param window the longest text
     * @param most positions that {@link #read} may be asked for at once
     */
    public LogitReader(LoadedModel model, int window, int most, KvType kvType) {
        if (model.devices().size() != 1) {
            throw new IllegalArgumentException("a model on " + model.devices().size() + " ranks");
        }
        this.model = model;
        this.most = most;
        device = model.devices().getFirst();
        decoder = model.decoders().getFirst();
        var mesh = new Mesh(0, 1);
        kv = device.kvCache(decoder.shape().kvShape(mesh, window, kvType));
        var largest = new MemoryPlan.Largest(most, most, window);
        space = new Workspace(device.allocate(
                MemoryPlan.workspaceBytes(decoder, mesh, largest, device.ops().activations())));
        ids = ints(new int[most]);
        positions = ints(new int[most]);
        rows = ints(IntStream.range(0, most).toArray());
        pages = ints(IntStream.range(0, window).toArray());
        zero = ints(new int[1]);
        context = ints(new int[1]);
    }

    public int vocabulary() {
        return decoder.shape().vocab().size();
    }

    /** Logits at the positions from {@code from} on, one row for each of {@code tokens}; those before were read already. */
    public float[][] read(int[] tokens, int from) {
        if (tokens.length > most) {
            throw new IllegalArgumentException(tokens.length + " positions at once, not more than " + most);
        }
        int[] at = IntStream.range(from, from + tokens.length).toArray();
        put(ids, tokens);
        put(positions, at);
        put(context, from + tokens.length);
        int count = tokens.length;
        Tensor slots = positions.cols(0, count);
        var in = new StepInputs(
                ids.cols(0, count), slots, slots, zero, context, zero, pages, 1, rows.cols(0, count), count, 1);
        var logits = new float[tokens.length][vocabulary()];
        try (Workspace.Frame _ = space.frame()) {
            Tensor out = space.take(DType.F32, tokens.length, vocabulary());
            decoder.forward(new Pass(device.ops(), space, in, kv, device.collective()), out);
            for (int i = 0; i < tokens.length; i++) {
                long begin = out.offset() + 4L * i * vocabulary();
                device.download(out.buffer(), begin, MemorySegment.ofArray(logits[i]));
            }
        }
        return logits;
    }

    private Tensor ints(int... values) {
        Buffer held = device.allocate(4L * values.length);
        device.upload(MemorySegment.ofArray(values), held, 0);
        return new Tensor(held, 0, DType.I32, 1, values.length, values.length);
    }

    private void put(Tensor to, int... values) {
        device.upload(MemorySegment.ofArray(values), to.buffer(), 0);
    }

    @Override
    public void close() {
        model.close();
    }
}
