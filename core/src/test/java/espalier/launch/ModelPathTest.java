package espalier.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelPathTest {
    @TempDir
    Path folder;

    @Test
    void ofSeveralModelsTheUsualOneServesAsInARepository() throws IOException {
        put("a-Q8_0.gguf", "a-Q4_K_M.gguf", "mmproj-a-F16.gguf", "imatrix_a.gguf", "config.json");
        assertThat(ModelPath.gguf(folder)).contains(folder.resolve("a-Q4_K_M.gguf"));
    }

    @Test
    void severalModelsNoneOfThemUsualAreListed() throws IOException {
        put("a-Q8_0.gguf", "a-Q6_K-00001-of-00002.gguf", "a-Q6_K-00002-of-00002.gguf");
        assertThatThrownBy(() -> ModelPath.gguf(folder))
                .isInstanceOf(EngineFault.class)
                .hasMessageContainingAll(
                        "2 GGUF models; name one by --gguf-file", "a-Q8_0.gguf", "a-Q6_K-00001-of-00002.gguf");
    }

    @Test
    void aNameThatOnlyLooksLikeAFirstShardIsAModel() throws IOException {
        put("a-00001-of-x.gguf");
        assertThat(ModelPath.gguf(folder)).contains(folder.resolve("a-00001-of-x.gguf"));
    }

    @Test
    void aMissingShardIsNamed() throws IOException {
        put("a-00001-of-00003.gguf", "a-00003-of-00003.gguf");
        assertThatThrownBy(() -> ModelPath.gguf(folder))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("a-00002-of-00003.gguf is missing");
    }

    @Test
    void safetensorsServeBeforeGguf() throws IOException {
        put("config.json", "model.safetensors", "a-Q8_0.gguf");
        assertThat(ModelPath.gguf(folder)).isEmpty();
        assertThat(ModelPath.gguf(folder.resolve("a-Q8_0.gguf"))).contains(folder.resolve("a-Q8_0.gguf"));
    }

    private void put(String... names) throws IOException {
        for (String name : names) {
            Files.writeString(folder.resolve(name), "x");
        }
    }
}
