package espalier.cli;

import espalier.api.RequestRejected;
import espalier.config.Flag;
import espalier.load.Report;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectMapper;

/** Where figures go besides the terminal. */
record BenchFigures(
        @Flag(value = "--output-file", help = "Appends the figures as a JSON line.", label = "FILE") @Nullable
        String outputFile,

        @Flag(value = "--plot", help = "Draws the figures as SVG.", label = "FILE") @Nullable
        String plot) {

    /** Refuses a file that cannot be written before the benchmark rather than after it. */
    BenchFigures checked() {
        requireWritable("--output-file", outputFile);
        requireWritable("--plot", plot);
        return this;
    }

    private static void requireWritable(String flag, @Nullable String file) {
        if (file != null) {
            Path folder = Path.of(file).toAbsolutePath().getParent();
            if (folder == null || !Files.isWritable(folder)) {
                throw RequestRejected.invalid(flag, flag + " " + file + ": no such folder, or not writable");
            }
        }
    }

    /** Tells a load's figures everywhere. The result is the exit code: a load of which nothing was served has failed. */
    int tell(Report report, Terminal terminal) throws IOException {
        report.print(terminal.out());
        append(report.figures());
        draw(report.plot());
        return report.hasServed() ? Cli.OK : Cli.FAULT;
    }

    /** A JSON line; what is not known is null in it. */
    void append(Map<String, @Nullable Object> figures) throws IOException {
        if (outputFile != null) {
            Files.writeString(
                    Path.of(outputFile),
                    new ObjectMapper().writeValueAsString(figures) + "\n",
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        }
    }

    void draw(String svg) throws IOException {
        if (plot != null) {
            Files.writeString(Path.of(plot), svg);
        }
    }
}
