package espalier.model;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelFolder;
import espalier.golden.GoldenCheck;
import espalier.golden.GoldenModels;
import espalier.golden.GoldenModels.Golden;
import espalier.model.family.Families;
import espalier.tensor.Device;
import espalier.tensor.KvType;
import espalier.tensor.host.ThreadRanks;
import espalier.tensor.reference.ReferenceDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family computes what the transformers library computes from the same files. */
class GoldenLogitsTest {
    private static final String FOLDERS = "espalier.golden.GoldenModels#all";

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void wholeInputsInOneStep(Golden golden) {
        new GoldenCheck(golden, 16).whole(devices(1));
    }

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void tokenByTokenOverPagesOfOneToken(Golden golden) {
        new GoldenCheck(golden, 1).runs(devices(1), 1);
    }

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void chunksOverTwoRanks(Golden golden) {
        new GoldenCheck(golden, 3).runs(devices(2), 7);
    }

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void longRunsOverFourRanksThatRepeatKeyValueHeads(Golden golden) {
        new GoldenCheck(golden, 2).runs(devices(4), 50);
    }

    @ParameterizedTest
    @MethodSource(FOLDERS)
    void everyOpOfADryRunHasTheShapesThatItMayHave(Golden golden) {
        try (Checkpoint checkpoint = ModelFolder.open(golden.folder()).checkpoint()) {
            ModelDefinition family = Families.of(ModelConfig.of(checkpoint.config()));
            var largest = new MemoryPlan.Largest(200, 70, 32);
            for (int ranks : new int[] {1, 2, 4}) {
                for (int rank = 0; rank < ranks; rank++) {
                    var plan = MemoryPlan.of(
                            family, checkpoint, new Mesh(rank, ranks), largest, MemoryPlan.Storage.plain(KvType.F32));
                    assertThat(plan.weightBytes()).isPositive();
                }
            }
        }
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

    private static List<Device> devices(int ranks) {
        var group = new ThreadRanks(ranks);
        var devices = new ArrayList<Device>();
        for (int rank = 0; rank < ranks; rank++) {
            devices.add(new ReferenceDevice(group, rank));
        }
        return devices;
    }
}
