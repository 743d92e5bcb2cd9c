package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.EngineFault;
import espalier.api.GenerateRequest;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.engine.LocalEngine;
import espalier.engine.StepReport;
import espalier.golden.Answer;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A processor without fused multiply-add: every call of one would take microseconds, and a token of an answer minutes. */
class PlainDeviceTest {
    private static boolean isX86() {
        return List.of("amd64", "x86_64").contains(System.getProperty("os.arch"));
    }

    @Test
    @Timeout(120)
    void theBundledModelAnswersWithoutFusedMultiplyAddAndTheLogSaysWhyItIsSlow() throws Exception {
        if (!isX86()) {
            System.out.println("not tested: only x86 has processors without it");
            return;
        }
        var flags = List.of("-XX:UseAVX=1", "-XX:-UseFMA", "--enable-native-access=ALL-UNNAMED");
        String said = OtherJvm.run(flags, Answers.class);
        assertThat(said)
                .containsOnlyOnce("warning: this processor has no fused multiply-add")
                .contains("4 tokens came");
    }

    @Test
    void whetherTheProcessorHasItIsWhatTheSystemSays() throws IOException {
        Path cpuinfo = Path.of("/proc/cpuinfo");
        if (isX86() && Files.exists(cpuinfo)) {
            boolean has = Files.readString(cpuinfo).contains(" fma ");
            assertThat(FusedMultiplyAdd.isInstruction()).isEqualTo(has);
        }
    }

    /** What the other JVM runs. */
    static final class Answers {
        private Answers() {}

        public static void main(String[] args) throws InterruptedException {
            Options options = OptionReader.read(Options.class, Map.of("--device", "cpu")::get);
            Path demo = Path.of(System.getProperty("espalier.root"), "models", "demo");
            var params = SamplingParams.builder()
                    .maxNewTokens(4)
                    .ignoreEos(true)
                    .logprobs(0)
                    .build();
            try (LocalEngine engine = EngineLoader.load(options, ModelFolder.open(demo), new Printed())
                    .engine()) {
                var request = new GenerateRequest("r", Tokens.of(5, 17, 300, 42, 7), params);
                System.out.println(Answer.of(engine.submit(request)).tokens().size() + " tokens came");
            }
        }
    }

    private static final class Printed implements LoadListener {
        @Override
        public void says(String line) {
            System.out.println(line);
        }

        @Override
        public void loaded(int layers, int all) {}

        @Override
        public void stepped(StepReport report) {}

        @Override
        public void failed(EngineFault fault) {
            System.out.println(fault.getMessage());
        }
    }
}
