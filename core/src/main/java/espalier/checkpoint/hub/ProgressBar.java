package espalier.checkpoint.hub;

import java.io.PrintStream;
import java.util.Locale;

/** Shows a download in one line of a terminal, redrawn in place at most ten times a second. */
public final class ProgressBar implements DownloadProgress {
    private static final long REDRAW_NANOS = 100_000_000;
    private static final int CELLS = 24;

    private final PrintStream terminal;
    private final int columns;
    private long drawnNanos = System.nanoTime() - REDRAW_NANOS;
    private int drawnColumns;

    /** @param columns the terminal's width */
    public ProgressBar(PrintStream terminal, int columns) {
        this.terminal = terminal;
        this.columns = columns;
    }

    @Override
    public void update(Transfer t) {
        boolean last = t.allDone() == t.allBytes();
        if (last || System.nanoTime() - drawnNanos >= REDRAW_NANOS) {
            drawnNanos = System.nanoTime();
            draw(line(t));
            if (last) {
                terminal.println();
                drawnColumns = 0;
            }
        }
    }

    @Override
    public void asking(String what) {
        note("Asking " + what);
    }

    @Override
    public void note(String message) {
        draw(message);
        terminal.println();
        drawnColumns = 0;
    }

    /** {@code [#####.....]  42%  1.3 of 3.1 GB, 52.1 MB/s, 34 s left, model.safetensors} */
    static String line(Transfer t) {
        double share = t.allBytes() == 0 ? 1 : (double) t.allDone() / t.allBytes();
        int filled = (int) (share * CELLS);
        double rate = t.bytesPerSecond();
        String left =
                rate < 1 ? "" : String.format(Locale.ROOT, ", %d s left", (long) ((t.allBytes() - t.allDone()) / rate));
        return String.format(
                Locale.ROOT,
                "[%s%s] %3d%%  %s of %s, %s/s%s, %s",
                "#".repeat(filled),
                ".".repeat(CELLS - filled),
                (int) (share * 100),
                size(t.allDone()),
                size(t.allBytes()),
                size((long) rate),
                left,
                t.file());
    }

    /** Bytes in the decimal unit that leaves one to three digits before the point. */
    static String size(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 999.95 && unit < 4) {
            value /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %cB", value, "kMGTP".charAt(unit));
    }

    private void draw(String text) {
        String shown = text.length() < columns ? text : text.substring(0, Math.max(0, columns - 1));
        terminal.print("\r" + shown + " ".repeat(Math.max(0, drawnColumns - shown.length())));
        terminal.flush();
        drawnColumns = shown.length();
    }
}
