package espalier.bench;

import espalier.base.Tokens;
import espalier.text.Specials;
import espalier.text.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Text to ids and back, in requests of 4,000 characters. The counter is megabytes of UTF-8 a second on one thread;
 * {@code -p model=FOLDER -p text=FILE} choose a checkpoint and a text.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class TokenizerBenchmark {
    private static final int REQUEST_CHARS = 4000;

    @Param({"models/demo"})
    private String model;

    @Param({"DECISIONS.md"})
    private String text;

    private Tokenizer tokenizer;
    private final List<String> requests = new ArrayList<>();
    private final List<Tokens> encoded = new ArrayList<>();
    private final List<Integer> bytes = new ArrayList<>();
    private int turn;

    /** What a second comes to. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Rates {
        public double megabytes;
    }

    @Setup
    public void read() throws IOException {
        tokenizer = Tokenizer.load(Path.of(model));
        String all = Files.readString(Path.of(text));
        for (int i = 0; i < all.length(); i += REQUEST_CHARS) {
            String request = all.substring(i, Math.min(i + REQUEST_CHARS, all.length()));
            requests.add(request);
            encoded.add(tokenizer.encode(request));
            bytes.add(request.getBytes(StandardCharsets.UTF_8).length);
        }
    }

    @Benchmark
    public Tokens encode(Rates rates) {
        int i = turn++ % requests.size();
        rates.megabytes += bytes.get(i) / 1e6;
        return tokenizer.encode(requests.get(i));
    }

    @Benchmark
    public String decode(Rates rates) {
        int i = turn++ % requests.size();
        rates.megabytes += bytes.get(i) / 1e6;
        return tokenizer.decode(encoded.get(i), Specials.SKIP);
    }
}
