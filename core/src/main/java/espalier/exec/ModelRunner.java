package espalier.exec;

import espalier.model.Decoder;
import espalier.model.MemoryPlan;
import espalier.model.Mesh;
import espalier.model.Pass;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepResult;
import espalier.tensor.Collective;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.Sampler;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One rank: runs plans on its part of the model. It knows seats, pages and slots, not requests. Owns the cache, the
 * workspace, the tables and the staging memory; all but the last are the device's and are freed with it. Used by the
 * rank's thread alone.
 */
final class ModelRunner implements AutoCloseable {
    private final Device device;
    private final Decoder decoder;
    private final InputStage stage;
    private final Workspace space;
    private final KvCache kv;
    private final Sampler sampler;
    private final Workspace.Frame whole;
    private @Nullable Tensor logits;

    ModelRunner(Device device, Decoder decoder, Capacity capacity) {
        this.device = device;
        this.decoder = decoder;
        Collective group = device.collective();
        var mesh = new Mesh(group.rank(), group.ranks());
        this.stage = new InputStage(device, capacity);
        this.space = new Workspace(device.allocate(MemoryPlan.workspaceBytes(decoder, mesh, capacity.largest())));
        this.whole = space.frame();
        int slots = Math.multiplyExact(capacity.pages(), capacity.pageSize());
        this.kv = device.kvCache(decoder.shape().kvShape(mesh, slots, capacity.kvType()));
        this.sampler = device.sampler(capacity.seats(), decoder.shape().vocab().size());
    }

    /** Runs, or queues, the pass of {@code plan}; its logits wait for {@link #sample}. */
    void forward(StepPlan plan) {
        var event = new StepEvent();
        event.begin();
        whole.close();
        InputStage.Staged staged = stage.stage(plan);
        device.ops().resolveIds(staged.inputs().ids(), sampler.lastTokens());
        Tensor rows =
                space.take(DType.F32, staged.samples(), decoder.shape().vocab().size());
        logits = rows;
        decoder.forward(new Pass(device.ops(), space, staged.inputs(), kv, device.collective()), rows);
        event.end();
        if (event.shouldCommit()) {
            event.number = plan.number();
            event.tokens = staged.inputs().tokens();
            event.sequences = staged.inputs().sequences();
            event.samples = staged.samples();
            event.commit();
        }
    }

    /** Chooses the tokens of the newest pass. */
    void sample(SamplingBatch how) {
        Tensor rows = logits;
        if (rows == null || rows.rows() != how.rows().size()) {
            throw new IllegalStateException("step " + how.number() + " is to choose "
                    + how.rows().size() + " tokens from " + (rows == null ? 0 : rows.rows()) + " rows of logits");
        }
        logits = null;
        if (!how.rows().isEmpty()) {
            sampler.sample(rows, how);
        }
    }

    /** What the newest {@link #sample} chose; waits for the device. */
    StepResult result(SamplingBatch how) {
        return how.rows().isEmpty() ? new StepResult(how.number(), new int[0], List.of()) : sampler.result();
    }

    @Override
    public void close() {
        stage.close();
    }
}
