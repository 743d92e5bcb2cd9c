package espalier.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.checkpoint.ModelFolder;
import espalier.golden.GoldenModels;
import espalier.golden.GoldenModels.Golden;
import espalier.golden.GoldenModels.Input;
import espalier.tensor.KvType;
import espalier.tensor.reference.ReferenceDevice;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class LogitReaderTest {

    @Test
    void textsOneAfterAnotherInRunsGiveTheGoldenLogits() {
        Golden golden = GoldenModels.named("llama3-f32");
        try (LogitReader reader = reader(golden, 7)) {
            for (Input input : golden.inputs()) {
                for (int from = 0; from < input.ids().length; from += 7) {
                    int to = Math.min(from + 7, input.ids().length);
                    float[][] logits = reader.read(Arrays.copyOfRange(input.ids(), from, to), from);
                    assertThat(GoldenModels.distance(logits, Arrays.copyOfRange(input.logits(), from, to)))
                            .isLessThan(GoldenModels.TOLERANCE);
                }
            }
        }
    }

    @Test
    void moreThanWasAgreedIsRefused() {
        try (LogitReader reader = reader(GoldenModels.named("llama3-f32"), 4)) {
            assertThatThrownBy(() -> reader.read(new int[5], 0))
                    .hasMessageContaining("5 positions at once, not more than 4");
        }
    }

    private static LogitReader reader(Golden golden, int most) {
        LoadedModel model = ModelLoader.load(
                ModelFolder.open(golden.folder()).checkpoint(), List.of(new ReferenceDevice()), LoadSettings.plain());
        return new LogitReader(model, 128, most, KvType.F32);
    }
}
