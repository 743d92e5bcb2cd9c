package espalier.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Products and attention on every path, as one table with the share of the machine's measured peak beside each row. Takes
 * JMH's options: {@code -p format=Q8_0 -p kernels=AMX} chooses rows, {@code -wi 1 -i 3} shortens.
 */
public final class Kernels {
    private static final List<Column> COLUMNS = List.of(
            new Column("gigaoperations", "GOP/s"),
            new Column("shareOfPeak", "of peak"),
            new Column("gigabytes", "GB/s"),
            new Column("shareOfReading", "of reading"));

    /** What a counter is called in the table. */
    private record Column(String counter, String name) {
        String cell(RunResult result) {
            Result<?> value = result.getSecondaryResults().get(counter);
            if (value == null) {
                return "";
            }
            return counter.startsWith("share")
                    ? String.format(Locale.ROOT, "%.0f%%", 100 * value.getScore())
                    : String.format(Locale.ROOT, "%,.1f", value.getScore());
        }
    }

    private Kernels() {}

    public static void main(String[] arguments) throws IOException, RunnerException, CommandLineOptionException {
        var asked = new CommandLineOptions(arguments);
        if (asked.shouldHelp()) {
            asked.showHelp();
            return;
        }
        var options = new OptionsBuilder().parent(asked);
        if (asked.getIncludes().isEmpty()) {
            options.include("PreparedProductBenchmark").include("AttentionBenchmark");
        }
        print(new Runner(options.build()).run());
    }

    private static void print(Collection<RunResult> results) {
        String before = "";
        for (RunResult result : results) {
            var cells = new ArrayList<String>();
            var names = new ArrayList<String>();
            for (String name : result.getParams().getParamsKeys()) {
                names.add(name);
                cells.add(result.getParams().getParam(name));
            }
            names.add("us");
            cells.add(String.format(
                    Locale.ROOT, "%,.0f", 1e6 / result.getPrimaryResult().getScore()));
            for (Column column : COLUMNS) {
                names.add(column.name());
                cells.add(column.cell(result));
            }
            String benchmark = result.getParams().getBenchmark();
            if (!benchmark.equals(before)) {
                before = benchmark;
                System.out.printf(
                        "%n## %s%n%n%s%n%s%n",
                        benchmark,
                        row(names),
                        row(names.stream().map(name -> "---").toList()));
            }
            System.out.println(row(cells));
        }
    }

    private static String row(Collection<String> cells) {
        return "| " + String.join(" | ", cells) + " |";
    }
}
