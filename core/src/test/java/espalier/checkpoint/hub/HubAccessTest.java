package espalier.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThat;

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

    private HubAccess access(Map<String, String> environment) {
        return HubAccess.of(environment::get, home);
    }
}
