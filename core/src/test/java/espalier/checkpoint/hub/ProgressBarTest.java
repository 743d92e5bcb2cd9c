package espalier.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import org.junit.jupiter.api.Test;

class ProgressBarTest {
    @Test
    void aLineSaysHowMuchHowFastAndHowLongStill() {
        assertThat(ProgressBar.line(
                        new DownloadProgress.Transfer("m.safetensors", 1, 2, 500_000_000, 2_000_000_000, 5e7)))
                .isEqualTo("[######..................]  25%  500.0 MB of 2.0 GB, 50.0 MB/s, 30 s left, m.safetensors");
        assertThat(ProgressBar.size(999)).isEqualTo("999 B");
        assertThat(ProgressBar.size(999_960)).isEqualTo("1.0 MB");
    }

    @Test
    void aLineIsRedrawnInPlaceAndEndsWithTheDownload() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ProgressBar bar = new ProgressBar(new PrintStream(bytes), 31);
        bar.update(new DownloadProgress.Transfer("f", 1, 2, 1, 2, 1));
        bar.note("a note");
        bar.update(new DownloadProgress.Transfer("f", 2, 2, 2, 2, 1));
        String[] lines = bytes.toString().split(System.lineSeparator());
        assertThat(lines).hasSize(2);
        assertThat(lines[0]).startsWith("\r[############............]").contains("\ra note ");
        assertThat(lines[1]).isEqualTo("\r[########################] 100");
    }

    @Test
    void aLogGetsALineForEachTenth() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ProgressLines lines = new ProgressLines(new PrintStream(bytes));
        for (int done = 0; done <= 1000; done++) {
            lines.update(new DownloadProgress.Transfer("f", done, 1000, done, 1000, 1));
        }
        lines.note("a note");
        assertThat(bytes.toString().lines()).hasSize(12).last().isEqualTo("download: a note");
    }
}
