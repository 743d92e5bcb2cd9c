package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BatchesTest {
    private final CountingEngine engine = new CountingEngine();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    @Test
    void theTableAndEachRowNameWhatWasMeasured() throws InterruptedException {
        var rows = run(List.of(2), List.of(16), 4);
        assertThat(rows)
                .singleElement()
                .satisfies(row -> assertThat(row)
                        .containsEntry("model", "fake-8b")
                        .containsEntry("kernels", "fake")
                        .containsEntry("batch_size", 2)
                        .containsEntry("input_len", 16)
                        .containsEntry("kv_bytes_per_step", 2 * 18 * 100.0)
                        .containsEntry("added_kv_bytes_per_second", null));
        assertThat(table()).startsWith("model            fake-8b\nkernels          fake\n\n batch ");
    }

    @Test
    void theSlopeIsAColumnOnlyBesideASecondLengthAndThenExplained() throws InterruptedException {
        run(List.of(1), List.of(16), 4);
        assertThat(table()).doesNotContain("added KV");
        run(List.of(1), List.of(16, 32), 4);
        assertThat(table()).contains("added KV GB/s\n").contains("\nadded KV GB/s: the keys and values that");
    }

    @Test
    void answersOfOneTokenDecodeNothing() throws InterruptedException {
        var rows = run(List.of(2), List.of(16), 1);
        assertThat(rows)
                .singleElement()
                .satisfies(row -> assertThat(row)
                        .containsEntry("decode_throughput", null)
                        .containsEntry("kv_bytes_per_step", null));
        assertThat(table()).containsPattern("(?m)n/a +n/a$");
    }

    @Test
    void aFailedRequestIsNoMeasurement() {
        engine.failing = 16;
        assertThatThrownBy(() -> run(List.of(1), List.of(16), 4))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("no room");
    }

    @Test
    void aBatchThatWouldWaitIsRefused() {
        assertThatThrownBy(() -> run(List.of(65), List.of(16), 4))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("--max-running-requests");
        assertThatThrownBy(() -> run(List.of(1), List.of(2045), 4)).hasMessageContaining("context of 2048");
    }

    private List<Map<String, @Nullable Object>> run(List<Integer> sizes, List<Integer> inputs, int outputs)
            throws InterruptedException {
        out.reset();
        Map<String, Object> setting = new java.util.LinkedHashMap<>();
        setting.put("model", "fake-8b");
        setting.put("kernels", "fake");
        return Batches.run(
                engine,
                setting,
                new Batches.Shapes(sizes, inputs, outputs, 100),
                new PrintStream(out, true, StandardCharsets.UTF_8));
    }

    private String table() {
        return out.toString(StandardCharsets.UTF_8);
    }
}
