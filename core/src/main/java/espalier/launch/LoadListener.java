package espalier.launch;

import espalier.api.EngineFault;
import espalier.engine.StepReport;

/** What loading and running tell; every method may be called from any thread. */
public interface LoadListener {
    /** Hears nothing. */
    LoadListener SILENT = new LoadListener() {
        @Override
        public void says(String line) {}

        @Override
        public void loaded(int layers, int all) {}

        @Override
        public void stepped(StepReport report) {}

        @Override
        public void failed(EngineFault fault) {}
    };

    /** One line for the log. */
    void says(String line);

    /** So many of all the layers are loaded, over all ranks. */
    void loaded(int layers, int all);

    /** So many of the decoding steps that the device records beforehand are recorded. */
    default void recorded(int done, int all) {}

    /** A step was launched. */
    void stepped(StepReport report);

    /** The engine has failed and ends: every open request is failed with {@code fault}, and nothing more is accepted. */
    void failed(EngineFault fault);
}
