package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.checkpoint.ModelFolder;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.engine.StepReport;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EngineLoaderTest {
    @Test
    void whateverFailsAfterTheRanksHaveStartedEndsThem() {
        Options options = OptionReader.read(Options.class, Map.of("--device", "cpu", "--max-total-tokens", "300")::get);
        ModelFolder demo = ModelFolder.open(Path.of(System.getProperty("espalier.root"), "models", "demo"));
        assertThatThrownBy(() -> EngineLoader.load(options, demo, new Failing()))
                .isInstanceOf(OutOfMemoryError.class);
        assertThat(Thread.getAllStackTraces().keySet().stream().map(Thread::getName))
                .noneMatch(name -> name.startsWith("rank-"));
    }

    /** Has no memory left when the last line is due. */
    private static final class Failing implements LoadListener {
        @Override
        public void says(String line) {
            if (line.startsWith("max_total_num_tokens")) {
                assertThat(Thread.getAllStackTraces().keySet().stream().map(Thread::getName))
                        .contains("rank-0");
                throw new OutOfMemoryError("injected");
            }
        }

        @Override
        public void loaded(int layers, int all) {}

        @Override
        public void stepped(StepReport report) {}

        @Override
        public void failed(EngineFault fault) {}
    }
}
