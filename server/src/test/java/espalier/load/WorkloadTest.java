package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.base.Tokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkloadTest {

    @Test
    void groupsShareTheirPrefixAndNothingElse() {
        var load = Workload.sharedPrefix(new Workload.Shape(64, 1000, 42), 4, 512, 32, 16);
        assertThat(load.items())
                .hasSize(64)
                .allSatisfy(i -> assertThat(i.prompt().size()).isEqualTo(544));
        assertThat(load.items().stream().map(i -> i.prompt().slice(0, 512)).distinct())
                .hasSize(4);
        assertThat(load.items().stream().map(Workload.Item::prompt).distinct()).hasSize(64);
    }

    @Test
    void aFileGivesIdsAndLengthsLineByLine(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(
                folder.resolve("f"),
                "{\"prompt\": [5, 6], \"max_tokens\": 7}\n{\"prompt\": [8], \"max_tokens\": 1, \"group\": -1}\n");
        assertThat(Workload.file(file, 9).items())
                .containsExactly(new Workload.Item(Tokens.of(5, 6), 7), new Workload.Item(Tokens.of(8), 1));
        assertThat(Workload.file(file, 1).items()).hasSize(1);
        Files.writeString(file, "{\"prompt\": [5], \"max_tokens\": 7}\n{\"prompt\": []}\n");
        assertThatThrownBy(() -> Workload.file(file, 9)).hasMessageContaining("line 2: prompt");
        Files.writeString(file, "no JSON\n");
        assertThatThrownBy(() -> Workload.file(file, 9)).hasMessageContaining("line 1");
    }

    @Test
    void theSameSeedMakesTheSameRequests() {
        var shape = new Workload.Shape(20, 1000, 7);
        assertThat(Workload.randomIds(shape, 100, 50, 0.5)).isEqualTo(Workload.randomIds(shape, 100, 50, 0.5));
        assertThat(Workload.randomIds(shape, 100, 50, 0.5).items()).allSatisfy(i -> {
            assertThat(i.prompt().size()).isBetween(50, 100);
            assertThat(i.outputTokens()).isBetween(25, 50);
        });
    }

    @Test
    void logNormalLengthsKeepTheirMeanAndTheirLimits() {
        var free = new Workload.Lengths(220, 1.1, 1, 1_000_000);
        var items = Workload.logNormal(
                        new Workload.Shape(20_000, 1000, 3), new Workload.Lengths(220, 1.1, 4, 1024), free)
                .items();
        assertThat(items).allSatisfy(i -> assertThat(i.prompt().size()).isBetween(4, 1024));
        assertThat(items.stream().mapToInt(Workload.Item::outputTokens).average())
                .hasValueCloseTo(220.0, Percentage.withPercentage(5));
    }

    @Test
    void aWarmupIsShortAndSharesNoPrefixWithWhatIsMeasured() {
        Workload load = Workload.randomIds(new Workload.Shape(8, 100, 1), 50, 90, 0.5);
        var before = load.warmup(5, 100).items();
        assertThat(before).hasSize(5);
        for (int i = 0; i < before.size(); i++) {
            Tokens warm = before.get(i).prompt();
            Tokens measured = load.items().get(i).prompt();
            assertThat(warm.size()).isEqualTo(measured.size());
            assertThat(warm.get(0)).isEqualTo((measured.get(0) + 1) % 100);
            assertThat(Arrays.stream(warm.toArray()).boxed()).allMatch(id -> id >= 0 && id < 100);
            assertThat(before.get(i).outputTokens()).isBetween(1, 32);
        }
        assertThat(load.warmup(20, 100).items()).hasSize(8);
    }

    @Test
    void percentilesLieBetweenRanks() {
        double[] sorted = {1, 2, 3, 4};
        assertThat(Report.percentile(sorted, 0.5)).isEqualTo(2.5);
        assertThat(Report.percentile(sorted, 0)).isEqualTo(1);
        assertThat(Report.percentile(sorted, 1)).isEqualTo(4);
    }
}
