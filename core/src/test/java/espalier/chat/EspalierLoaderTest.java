package espalier.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import espalier.launch.ModelPath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EspalierLoaderTest {
    private static final Path DEMO = Path.of(System.getProperty("espalier.root"), "models", "demo");

    private final Options options =
            OptionReader.read(Options.class, Map.of("--device", "reference", "--max-total-tokens", "4096")::get);

    @TempDir
    Path folder;

    @Test
    void ofTwoFaultsTheTextsIsToldFirstAndTheEnginesWithIt() throws IOException {
        Files.copy(DEMO.resolve("config.json"), folder.resolve("config.json")); // and no weights
        Files.writeString(folder.resolve("tokenizer.json"), "no tokenizer");
        assertThatThrownBy(() -> EspalierLoader.load(options, folder, null, LoadListener.SILENT))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("tokenizer.json")
                .satisfies(fault -> assertThat(fault.getSuppressed())
                        .singleElement()
                        .satisfies(other -> assertThat(other)
                                .isInstanceOf(EngineFault.class)
                                .hasMessageContaining("safetensors")));
    }

    @Test
    void whatIsThrownAfterALayerEndsTheLoading() {
        var layers = new AtomicInteger();
        assertThatThrownBy(() -> EngineLoader.load(options, ModelPath.open(DEMO), LoadListener.SILENT, () -> {
                    if (layers.incrementAndGet() == 2) {
                        throw new EngineFault(EngineFault.Code.CHECKPOINT, "no use for it");
                    }
                }))
                .isInstanceOf(EngineFault.class)
                .hasMessage("no use for it");
        assertThat(layers).hasValue(2);
    }
}
