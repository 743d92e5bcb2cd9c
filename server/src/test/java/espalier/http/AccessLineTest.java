package espalier.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class AccessLineTest {

    @Test
    void itReadsAsUvicornsDoes() {
        var line = new AccessLine("127.0.0.1:54806", "GET", "/get_model_info?x=1", "HTTP/1.1");
        assertThat(line.text(200, "OK"))
                .isEqualTo("INFO:     127.0.0.1:54806 - \"GET /get_model_info?x=1 HTTP/1.1\" 200 OK");
    }
}
