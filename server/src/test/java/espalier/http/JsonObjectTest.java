package espalier.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.RequestRejected;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class JsonObjectTest {

    @Test
    void aBodyOfTooManyValuesIsRefusedBeforeItFillsTheHeap() {
        assertThat(JsonObject.parse(listOf(1 << 20)).integers("ids")).hasSize(1 << 20);
        assertThatThrownBy(() -> JsonObject.parse(listOf(9 << 20)))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("exceeds the maximum allowed");
    }

    private static byte[] listOf(int zeros) {
        return ("{\"ids\":[" + "0,".repeat(zeros - 1) + "0]}").getBytes(StandardCharsets.US_ASCII);
    }
}
