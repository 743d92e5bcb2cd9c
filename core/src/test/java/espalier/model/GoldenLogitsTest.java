package espalier.model;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.GoldenModels;
import espalier.checkpoint.GoldenModels.Golden;
import espalier.checkpoint.ModelFolder;
import espalier.model.DecoderRun.Steps;
import espalier.model.family.Families;
import espalier.tensor.Device;
import espalier.tensor.host.ThreadRanks;
import espalier.tensor.reference.ReferenceDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family computes what the transformers library computes from the same files. */
class GoldenLogitsTest {

    static Stream<Golden> folders() {
        return GoldenModels.all().stream();
    }

    @ParameterizedTest
    @MethodSource("folders")
    void wholeInputsInOneStep(Golden golden) {
        List<int[]> inputs = ids(golden);
        assertGolden(golden, 1, 16, Steps.whole(inputs));
    }

    @ParameterizedTest
    @MethodSource("folders")
    void chunksOverTwoRanks(Golden golden) {
        List<int[]> inputs = ids(golden);
        assertGolden(golden, 2, 3, Steps.runs(inputs, 7));
    }

    @ParameterizedTest
    @MethodSource("folders")
    void tokenByTokenOverPagesOfOneToken(Golden golden) {
        List<int[]> inputs = ids(golden);
        assertGolden(golden, 1, 1, Steps.runs(inputs, 1));
    }

    @ParameterizedTest
    @MethodSource("folders")
    void longRunsOverFourRanksThatRepeatKeyValueHeads(Golden golden) {
        List<int[]> inputs = ids(golden);
        assertGolden(golden, 4, 2, Steps.runs(inputs, 50));
    }

    @Test
    void everyArchitectureHasGoldenData() {
        var covered = new TreeSet<String>();
        for (Golden golden : GoldenModels.all()) {
            try (Checkpoint checkpoint = ModelFolder.open(golden.folder()).checkpoint()) {
                covered.addAll(ModelConfig.of(checkpoint.config()).texts("architectures"));
            }
        }
        for (ModelDefinition family : Families.all()) {
            assertThat(covered).containsAll(family.architectures());
        }
    }

    private static void assertGolden(Golden golden, int ranks, int pageSize, Steps steps) {
        try (Checkpoint checkpoint = ModelFolder.open(golden.folder()).checkpoint()) {
            List<Device> devices = devices(ranks);
            var run = new DecoderRun(checkpoint, golden.contextLength(), pageSize, 42);
            List<float[][]> logits = run.logits(devices, ids(golden), steps);
            for (int i = 0; i < logits.size(); i++) {
                assertThat(GoldenModels.distance(
                                logits.get(i), golden.inputs().get(i).logits()))
                        .as("input %d of %s: %s", i, golden, golden.about())
                        .isLessThan(GoldenModels.TOLERANCE);
            }
            devices.forEach(Device::close);
        }
    }

    private static List<int[]> ids(Golden golden) {
        return golden.inputs().stream().map(GoldenModels.Input::ids).toList();
    }

    static List<Device> devices(int ranks) {
        var group = new ThreadRanks(ranks);
        var devices = new ArrayList<Device>();
        for (int rank = 0; rank < ranks; rank++) {
            devices.add(new ReferenceDevice(group, rank));
        }
        return devices;
    }
}
