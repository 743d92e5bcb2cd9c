package espalier.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.base.Tokens;
import espalier.golden.GoldenModels;
import espalier.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ModelFolderTest {
    @TempDir
    Path folder;

    static java.util.List<GoldenModels.Golden> goldenModels() {
        return GoldenModels.all();
    }

    @ParameterizedTest
    @MethodSource("goldenModels")
    void everyGoldenModelOpensWithTheStorageThatItsConfigStates(GoldenModels.Golden golden) {
        ModelFolder model = ModelFolder.open(golden.folder());
        try (Checkpoint checkpoint = model.checkpoint();
                Checkpoint dummy = model.dummy()) {
            StoredTensor embedding = checkpoint.tensor("model.embed_tokens.weight", 128, 64);
            assertThat(dummy.tensor("model.embed_tokens.weight", 128, 64).dtype())
                    .isEqualTo(embedding.dtype());
            float[] values = new float[128 * 64];
            embedding.copyTo(0, values);
            double squares = 0;
            for (float value : values) {
                squares += value * value;
            }
            assertThat(Math.sqrt(squares / values.length))
                    .as("deviation of make.py")
                    .isBetween(0.57, 0.63);
        }
    }

    @Test
    void shardsAreOneCheckpoint() {
        try (Checkpoint checkpoint =
                ModelFolder.open(GoldenModels.root().resolve("llama3-bf16")).checkpoint()) {
            assertThat(checkpoint.names()).hasSize(2 * 9 + 3).contains("lm_head.weight", "model.norm.weight");
        }
    }

    @Test
    void whatIsNotAModelFolderIsNamed() throws IOException {
        Path missing = folder.resolve("missing");
        assertFault(() -> ModelFolder.open(missing), missing + ": no such folder");
        assertFault(() -> ModelFolder.open(folder), "no config.json", "(the folder is empty)");
        write("inner/config.json", "{}");
        assertFault(() -> ModelFolder.open(folder), "no config.json", "did you mean " + folder.resolve("inner") + "?");
        assertFault(() -> ModelFolder.open(folder.resolve("inner/config.json")), "not a folder");
    }

    @Test
    void aJsonErrorNamesFileAndLine() throws IOException {
        write("config.json", "{\n  \"a\": 1,\n  \"b\" 2\n}");
        assertFault(() -> ModelFolder.open(folder), "config.json: line 3, column ", "not valid JSON");
        write("config.json", "[]");
        assertFault(() -> ModelFolder.open(folder), "config.json: expected a JSON object, found ARRAY");
        write("config.json", "");
        assertFault(() -> ModelFolder.open(folder), "config.json: expected a JSON object, found nothing");
        write("config.json", "{\"a\": 1, \"a\": 2}");
        assertFault(() -> ModelFolder.open(folder), "config.json: line 1", "uplicate");
        write("config.json", "{\"a\": Infinity}");
        assertThat(ModelFolder.open(folder).config().path("a").asDouble()).isInfinite();
    }

    @Test
    void weightsThatAreMissingOrInAnotherFormatAreNamed() throws IOException {
        write("config.json", "{}");
        ModelFolder model = ModelFolder.open(folder);
        assertFault(model::checkpoint, "no weights (*.safetensors)");
        write("training_args.bin", "");
        assertFault(model::checkpoint, "no weights (*.safetensors)");
        write("pytorch_model.bin", "");
        assertFault(model::checkpoint, "the weights are in pytorch_model.bin, but only safetensors are read");
    }

    @Test
    void shardsAreCompleteAndHoldWhatTheIndexSays() throws IOException {
        write("config.json", "{}");
        ModelFolder model = ModelFolder.open(folder);
        Path first = folder.resolve("model-00001-of-00002.safetensors");
        Path second = folder.resolve("model-00002-of-00002.safetensors");
        SafetensorsWriter.vectors(first, 2, "a");
        assertFault(
                model::checkpoint, "several safetensors files or a part of them, but no model.safetensors.index.json");
        index("a", first, "b", second);
        assertFault(model::checkpoint, "1 of 2 shards are missing: model-00002-of-00002.safetensors");
        SafetensorsWriter.vectors(second, 2, "c");
        assertFault(model::checkpoint, "model-00002-of-00002.safetensors: tensor 'b' is missing, though");
        SafetensorsWriter.vectors(second, 2, "a", "b");
        assertFault(model::checkpoint, "tensor 'a' is stored twice");
        SafetensorsWriter.vectors(second, 2, "b");
        try (Checkpoint checkpoint = model.checkpoint()) {
            assertThat(checkpoint.names()).containsExactlyInAnyOrder("a", "b");
        }
        index("a", first, "b", folder.resolve("../elsewhere.safetensors"));
        write("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"../elsewhere.safetensors\"}}");
        assertFault(
                model::checkpoint, "'a' lies in \"../elsewhere.safetensors\", which is not a safetensors file beside");
    }

    @Test
    void oneFileOfAnyNameWillDo() throws IOException {
        write("config.json", "{}");
        SafetensorsWriter.vectors(folder.resolve("weights.safetensors"), 2, "a");
        try (Checkpoint checkpoint = ModelFolder.open(folder).checkpoint()) {
            assertThat(checkpoint.names()).containsExactly("a");
        }
    }

    @Test
    void endOfSequenceIdsComeFromTheGenerationConfigFirst() throws IOException {
        write("config.json", "{\"eos_token_id\": 7}");
        assertThat(ModelFolder.open(folder).name())
                .isEqualTo(folder.getFileName().toString());
        assertThat(ModelFolder.open(folder).eosTokenIds()).isEqualTo(Tokens.of(7));
        write(
                "generation_config.json",
                "{\"eos_token_id\": [2, 0], \"temperature\": 0.6, \"top_k\": 20, \"top_p\": 1}");
        ModelFolder model = ModelFolder.open(folder);
        assertThat(model.eosTokenIds()).isEqualTo(Tokens.of(2, 0));
        assertThat(model.generationDefaults())
                .isEqualTo(new GenerationDefaults(0.6, 1.0, 20, null, null, Tokens.of(2, 0)));
        write("generation_config.json", "{\"temperature\": null}");
        assertThat(ModelFolder.open(folder).eosTokenIds()).isEqualTo(Tokens.of(7));
        write("config.json", "{\"eos_token_id\": null}");
        assertThat(ModelFolder.open(folder).eosTokenIds()).isEqualTo(Tokens.empty());
        write("generation_config.json", "{\"top_p\": \"high\"}");
        assertFault(() -> ModelFolder.open(folder), "generation_config.json: top_p is \"high\"; a number is expected");
        write("generation_config.json", "{\"eos_token_id\": [2, -1]}");
        assertFault(() -> ModelFolder.open(folder), "eos_token_id is [2,-1]; token ids are expected");
    }

    @Test
    void whatNoRequestMaySayIsNoDefault() throws IOException {
        write("config.json", "{}");
        for (String wrong : new String[] {
            "\"top_p\": 0", "\"top_p\": 1e-60", "\"repetition_penalty\": 2.5", "\"temperature\": 1e60", "\"min_p\": -1"
        }) {
            write("generation_config.json", "{" + wrong + "}");
            String name = wrong.substring(1, wrong.indexOf(':') - 1);
            assertFault(() -> ModelFolder.open(folder), "generation_config.json: " + name + " must be");
        }
        // How the transformers library writes "all of them".
        write("generation_config.json", "{\"top_k\": 0, \"top_p\": 0.5}");
        var sampling = ModelFolder.open(folder).generationDefaults().sampling().build();
        assertThat(sampling.topK()).isEqualTo(-1);
        assertThat(sampling.topP()).isEqualTo(0.5f);
    }

    @Test
    void chatTemplatesComeFromTheirOwnFileOrElseFromTheTokenizersConfig() throws IOException {
        write("config.json", "{}");
        assertThat(ModelFolder.open(folder).chatTemplates()).isEmpty();
        write("tokenizer_config.json", "{\"chat_template\": \"old\"}");
        assertThat(ModelFolder.open(folder).chatTemplates()).containsOnly(java.util.Map.entry("default", "old"));
        write(
                "tokenizer_config.json",
                "{\"chat_template\": [{\"name\": \"default\", \"template\": \"x\"}, {\"name\": \"rag\", \"template\": \"y\"}]}");
        assertThat(ModelFolder.open(folder).chatTemplates())
                .containsEntry("default", "x")
                .containsEntry("rag", "y");
        write("chat_template.jinja", "grüß {{ x }}\n");
        write("additional_chat_templates/tool_use.jinja", "tools");
        assertThat(ModelFolder.open(folder).chatTemplates())
                .containsEntry("default", "grüß {{ x }}\n")
                .containsEntry("tool_use", "tools")
                .hasSize(2);
    }

    @Test
    void aTokenizerInTheOlderFormatSaysHowToConvertIt() throws IOException {
        write("config.json", "{}");
        ModelFolder model = ModelFolder.open(folder);
        assertFault(model::tokenizer, "no tokenizer.json; copy it");
        write("tokenizer.model", "");
        assertFault(model::tokenizer, "tokenizer.model alone is not read");
        write("tokenizer.json", "{}");
        assertThat(model.tokenizer()).isEqualTo(folder.resolve("tokenizer.json"));
    }

    @Test
    void randomWeightsAreTheSameEachTimeAndKeepTheScale() throws IOException {
        write("config.json", "{\"torch_dtype\": \"float16\"}");
        ModelFolder model = ModelFolder.open(folder);
        float[] once = new float[300 * 40];
        float[] again = new float[300 * 40];
        try (Checkpoint one = model.dummy();
                Checkpoint two = model.dummy()) {
            StoredTensor tensor = one.tensor("model.layers.0.mlp.up_proj.weight", 40, 300);
            assertThat(tensor.dtype()).isEqualTo(DType.F16);
            tensor.copyTo(0, once);
            two.tensor("model.layers.0.mlp.up_proj.weight", 40, 300).copyTo(0, again);
            assertThat(once).isEqualTo(again);
            two.tensor("model.layers.1.mlp.up_proj.weight", 40, 300).copyTo(0, again);
            assertThat(once).isNotEqualTo(again);
            double squares = 0;
            for (float value : once) {
                squares += value * value;
            }
            assertThat(squares / 40).as("a row's squared length").isBetween(0.95, 1.05);
            float[] norm = new float[2];
            one.tensor("model.norm.weight", 2).copyTo(0, norm);
            assertThat(norm).containsExactly(1, 1);
            assertThat(one.names()).containsExactlyInAnyOrder("model.norm.weight", "model.layers.0.mlp.up_proj.weight");
            assertFault(() -> one.tensor("model.norm.weight", 3), "'model.norm.weight' is asked for with shape [3]");
        }
    }

    private void index(String a, Path first, String b, Path second) throws IOException {
        write(
                "model.safetensors.index.json",
                "{\"metadata\": {}, \"weight_map\": {\"%s\": \"%s\", \"%s\": \"%s\"}}"
                        .formatted(a, first.getFileName(), b, second.getFileName()));
    }

    private void write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private static void assertFault(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call).isInstanceOf(EngineFault.class).hasMessageContainingAll(parts);
    }
}
