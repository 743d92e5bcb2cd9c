package espalier.cuda.gpu;

import espalier.api.EngineFault;
import espalier.checkpoint.ModelFolder;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.engine.LocalEngine;
import espalier.engine.StepReport;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Engines by their flags, as the command line reads them; what loading says is printed with the time. */
final class GpuLoading {
    private GpuLoading() {}

    /** The device that the properties name. */
    static String device() {
        return System.getProperty("espalier.gpu.device", "cuda");
    }

    static LocalEngine engine(String device, Path folder, Map<String, String> flags) {
        var typed = new HashMap<>(flags);
        typed.put("--device", device);
        typed.put("--random-seed", "1");
        Options options = OptionReader.read(Options.class, typed::get);
        return EngineLoader.load(options, ModelFolder.open(folder), new Says()).engine();
    }

    private static final class Says implements LoadListener {
        private final long begun = System.nanoTime();

        @Override
        public void says(String line) {
            System.out.printf("[%.2f s] %s%n", (System.nanoTime() - begun) / 1e9, line);
        }

        @Override
        public void loaded(int layers, int all) {
            if (layers == all) {
                says("layers loaded: " + all);
            }
        }

        @Override
        public void recorded(int done, int all) {
            if (done == 1 || done == all) {
                says("recorded " + done + " of " + all);
            }
        }

        @Override
        public void stepped(StepReport report) {}

        @Override
        public void failed(EngineFault fault) {
            says("FAILED: " + fault.getMessage());
        }
    }
}
