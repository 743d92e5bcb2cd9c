package espalier.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubAccessTest {
    @TempDir
    Path home;

    @Test
    void variablesMeanWhatTheyMeanToTheSharedCache() throws IOException {
        assertThat(access(Map.of()))
                .isEqualTo(new HubAccess(
                        URI.create("https://huggingface.co"),
                        null,
                        home.resolve(".cache/huggingface/hub"),
                        HubAccess.Mode.ONLINE));
        assertThat(access(Map.of("HF_HOME", "/data/hf")).cacheFolder()).isEqualTo(Path.of("/data/hf/hub"));
        assertThat(access(Map.of("HF_HOME", "/data/hf", "HF_HUB_CACHE", "~/hub"))
                        .cacheFolder())
                .isEqualTo(home.resolve("hub"));
        assertThat(access(Map.of("XDG_CACHE_HOME", "/xdg")).cacheFolder()).isEqualTo(Path.of("/xdg/huggingface/hub"));
        assertThat(access(Map.of("HF_HUB_OFFLINE", "1")).mode()).isEqualTo(HubAccess.Mode.OFFLINE);
        assertThat(access(Map.of("HF_HUB_OFFLINE", "0")).mode()).isEqualTo(HubAccess.Mode.ONLINE);
        assertThat(access(Map.of("HF_ENDPOINT", "http://mirror:8080/hf/")).endpoint())
                .hasToString("http://mirror:8080/hf");
        Files.createDirectories(home.resolve(".cache/huggingface"));
        Files.writeString(home.resolve(".cache/huggingface/token"), "stored\n");
        assertThat(access(Map.of()).token()).isEqualTo("stored");
        assertThat(access(Map.of("HF_TOKEN", "given")).token()).isEqualTo("given");
    }

    @Test
    void aTokenIsNeverPrinted() {
        assertThat(access(Map.of("HF_TOKEN", "secret")).toString()).doesNotContain("secret");
    }

    @Test
    void aTokenThatCannotBeSentIsRefusedWithoutBeingPrinted() {
        HubAccess open = access(Map.of());
        assertThat(open.withToken(" hf_abc\r\n").token()).isEqualTo("hf_abc");
        assertThat(open.withToken(" ").token()).isNull();
        for (String token : new String[] {"hf_ab\rcd", "hf_ab cd", "hf_ab\u00e9"}) {
            assertThatThrownBy(() -> open.withToken(token))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("character 6 of " + token.length())
                    .hasMessageNotContaining("hf_ab");
        }
    }

    @Test
    void anEndpointThatIsNoWebAddressIsNamed() {
        for (String endpoint : new String[] {"localhost:8080", "mirror", "ftp://mirror", "http://", "http://a b"}) {
            assertThatThrownBy(() -> access(Map.of("HF_ENDPOINT", endpoint)))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageStartingWith("HF_ENDPOINT is '" + endpoint + "'");
        }
    }

    private HubAccess access(Map<String, String> environment) {
        return HubAccess.of(environment::get, home);
    }
}
