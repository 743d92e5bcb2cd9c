package espalier.launch;

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
    };

    /** One line for the log. */
    void says(String line);

    /** So many of all the layers are loaded, over all ranks. */
    void loaded(int layers, int all);

    /** A step was launched. */
    void stepped(StepReport report);
}
