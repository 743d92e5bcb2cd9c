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
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import espalier.tensor.Workspace;
import java.util.ArrayList;
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
    private final Runnable moved;
    private final Workspace.Frame whole;
    private final List<Device.Recorded> recorded;
    private @Nullable Tensor logits;
    private @Nullable RankTrace trace;

    /** @param moved told of every layer of a step */
    ModelRunner(Device device, Decoder decoder, Capacity capacity, Recording recording, Runnable moved) {
        this.device = device;
        this.moved = moved;
        this.decoder = decoder;
        Collective group = device.collective();
        var mesh = new Mesh(group.rank(), group.ranks());
        this.stage = new InputStage(device, capacity);
        this.space = new Workspace(device.allocate(MemoryPlan.workspaceBytes(
                decoder, mesh, capacity.largest(), device.ops().activations())));
        this.whole = space.frame();
        int slots = Math.multiplyExact(capacity.pages(), capacity.pageSize());
        this.kv = device.kvCache(decoder.shape().kvShape(mesh, slots, capacity.kvType()));
        rehearse(capacity);
        this.sampler = device.sampler(capacity.sampler(decoder.shape().vocab().size()));
        var most = new Device.Recorded(capacity.largest().sequences(), capacity.contextTokens());
        this.recorded = device.recordedSteps(most);
        for (Device.Recorded step : device.firstSteps(most)) {
            pass(stage.blank(step), step.sequences(), null);
        }
        record(recording);
    }

    private void rehearse(Capacity capacity) {
        StepInputs one = stage.blank(new Device.Recorded(1, capacity.contextTokens()));
        whole.close();
        Tensor rows = space.take(DType.F32, 1, decoder.shape().vocab().size());
        device.rehearse(
                capacity.tokensPerStep(),
                ops -> decoder.forward(new Pass(ops, space, one, kv, device.collective()), rows));
    }

    /** The largest first: what smaller ones need is there then. */
    private void record(Recording recording) {
        int least = device.sharedPrefixes().sequences();
        var steps = new ArrayList<Device.Recorded>();
        for (Device.Recorded step : recorded.reversed()) {
            steps.add(step);
            if (step.sequences() >= least) {
                steps.add(step.sharing());
            }
        }
        for (int done = 0; done < steps.size(); done++) {
            Device.Recorded step = steps.get(done);
            pass(stage.blank(step), step.sequences(), step);
            recording.recorded(done + 1, steps.size());
        }
        logits = null;
    }

    /** Runs, or queues, the pass of {@code plan}; its logits wait for {@link #sample}. */
    void forward(StepPlan plan) {
        var event = new StepEvent();
        event.begin();
        long begun = System.nanoTime();
        Device.@Nullable Recorded step = recordedStep(plan);
        InputStage.Staged staged = stage.stage(plan, step != null ? step.sequences() : plan.tokens());
        RankTrace into = trace;
        if (into != null) {
            into.did("stage", plan.number(), begun);
            begun = System.nanoTime();
            into.begins(plan, staged.inputs().tokens(), step != null ? step.sequences() : 0);
        }
        pass(staged.inputs(), step != null ? step.sequences() : staged.samples(), step);
        if (into != null) {
            into.passes();
            into.did("launch", plan.number(), begun);
        }
        event.end();
        if (event.shouldCommit()) {
            event.number = plan.number();
            event.tokens = staged.inputs().tokens();
            event.sequences = staged.inputs().sequences();
            event.samples = staged.samples();
            event.sharing = staged.sharing();
            event.commit();
        }
    }

    /** @param step the recording that does it, if one does */
    private void pass(StepInputs inputs, int samples, Device.@Nullable Recorded step) {
        whole.close();
        Tensor rows = space.take(DType.F32, samples, decoder.shape().vocab().size());
        Runnable calls = () -> {
            device.ops().resolveIds(inputs.ids(), sampler.lastTokens());
            decoder.forward(new Pass(device.ops(), space, inputs, kv, device.collective()), rows, moved);
        };
        if (step != null) {
            device.replay(inputs.prefixes() == null ? step : step.sharing(), calls);
        } else {
            calls.run();
        }
        logits = rows;
    }

    /** The smallest recorded step that holds a plan of one row a sequence, all of which sample; else none. */
    private Device.@Nullable Recorded recordedStep(StepPlan plan) {
        int sequences = plan.chunks().size();
        int longest = 0;
        for (StepPlan.Chunk c : plan.chunks()) {
            if (c.input().count() != 1 || !c.samples()) {
                return null;
            }
            longest = Math.max(longest, c.start() + 1);
        }
        for (Device.Recorded step : recorded) {
            if (step.sequences() >= sequences && step.longest() >= longest) {
                return step;
            }
        }
        return null;
    }

    /** Chooses the tokens of the newest pass. */
    void sample(SamplingBatch how) {
        Tensor rows = logits;
        if (rows == null || rows.rows() < how.rows().size()) {
            throw new IllegalStateException("step " + how.number() + " is to choose "
                    + how.rows().size() + " tokens from " + (rows == null ? 0 : rows.rows()) + " rows of logits");
        }
        logits = null;
        long begun = System.nanoTime();
        if (!how.rows().isEmpty()) {
            sampler.sample(rows.rows(0, how.rows().size()), how);
        }
        RankTrace into = trace;
        if (into != null) {
            into.chooses();
            into.did("choose", how.number(), begun);
        }
    }

    /** What the newest {@link #sample} chose; waits for the device. */
    StepResult result(SamplingBatch how) {
        long begun = System.nanoTime();
        StepResult result =
                how.rows().isEmpty() ? new StepResult(how.number(), new int[0], List.of()) : sampler.result();
        RankTrace into = trace;
        if (into != null) {
            into.did("wait", how.number(), begun);
            into.look();
        }
        return result;
    }

    /** Adds what this rank does to {@code next} from now on; null to nothing. */
    void trace(@Nullable StepTrace next, int rank) {
        if (trace != null) {
            trace.end();
        }
        trace = next == null ? null : new RankTrace(next, device.clock(RankTrace.SLOTS), rank);
    }

    @Override
    public void close() {
        stage.close();
    }
}
