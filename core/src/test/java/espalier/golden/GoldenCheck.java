package espalier.golden;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelFolder;
import espalier.golden.DecoderRun.Steps;
import espalier.golden.GoldenModels.Golden;
import espalier.golden.GoldenModels.Input;
import espalier.tensor.Device;
import java.util.List;

/** Runs a folder of golden data on a device and compares every logit. */
public record GoldenCheck(Golden golden, int pageSize, double tolerance) {

    /** In F32. */
    public GoldenCheck(Golden golden, int pageSize) {
        this(golden, pageSize, GoldenModels.TOLERANCE);
    }

    /** Inputs whole, all of them in one step. */
    public void whole(List<Device> ranks) {
        check(ranks, Steps.whole(ids()));
    }

    /** Runs of {@code size} tokens of each input, side by side. */
    public void runs(List<Device> ranks, int size) {
        check(ranks, Steps.runs(ids(), size));
    }

    private List<int[]> ids() {
        return golden.inputs().stream().map(Input::ids).toList();
    }

    private void check(List<Device> ranks, Steps steps) {
        try (Checkpoint checkpoint = ModelFolder.open(golden.folder()).checkpoint()) {
            var run = new DecoderRun(checkpoint, golden.contextLength(), pageSize, 42);
            List<float[][]> logits = run.logits(ranks, ids(), steps);
            for (int i = 0; i < logits.size(); i++) {
                assertThat(GoldenModels.distance(
                                logits.get(i), golden.inputs().get(i).logits()))
                        .as("input %d of %s: %s", i, golden, golden.about())
                        .isLessThan(tolerance);
            }
            ranks.forEach(Device::close);
        }
    }
}
