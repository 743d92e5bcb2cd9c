package espalier.checkpoint.hub;

import java.io.PrintStream;

/** Shows a download where there is no terminal, in a log: a line at the start, at each tenth, and for each note. */
public final class ProgressLines implements DownloadProgress {
    private final PrintStream log;
    private int tenths = -1;

    public ProgressLines(PrintStream log) {
        this.log = log;
    }

    @Override
    public void asking(String what) {
        log.println("Asking " + what);
    }

    @Override
    public void update(Transfer t) {
        int now = t.allBytes() == 0 ? 10 : (int) (10.0 * t.allDone() / t.allBytes());
        if (now > tenths) {
            tenths = now;
            log.println("download " + ProgressBar.line(t));
        }
    }

    @Override
    public void note(String message) {
        log.println("download: " + message);
    }
}
