package espalier.checkpoint.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.base.Tokens;
import espalier.golden.DecoderRun;
import espalier.golden.GgufConversion;
import espalier.golden.GgufConversion.Weights;
import espalier.golden.GgufWriter;
import espalier.golden.GoldenModels;
import espalier.golden.GoldenModels.Golden;
import espalier.model.ModelConfig;
import espalier.model.family.Families;
import espalier.tensor.Device;
import espalier.tensor.Matrix;
import espalier.tensor.host.ThreadRanks;
import espalier.tensor.reference.ReferenceDevice;
import java.lang.foreign.Arena;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufModelTest {
    private static final int MUTATIONS = 300;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama3-f32",
                "llama-f16",
                "llama-bias",
                "mistral-bf16",
                "qwen2-bf16",
                "qwen3-bf16",
                "rope-linear",
                "rope-yarn"
            })
    void logitsAreThoseOfTheFolderItWasMadeFrom(String name) {
        Golden golden = GoldenModels.named(name);
        Path file = GgufConversion.of(golden.folder(), Weights.AS_STORED).write(folder.resolve("m.gguf"));
        List<float[][]> logits = logits(file, golden, 1);
        for (int i = 0; i < logits.size(); i++) {
            assertThat(GoldenModels.distance(
                            logits.get(i), golden.inputs().get(i).logits()))
                    .as("input %d of %s", i, golden)
                    .isLessThan(GoldenModels.TOLERANCE);
        }
    }

    @Test
    void blocksComputeWhatTheNumbersComputeThatTheyStandFor() {
        Golden golden = GoldenModels.named("llama3-f32");
        Path blocks = GgufConversion.of(golden.folder(), Weights.Q8_0).write(folder.resolve("q.gguf"));
        Path numbers = GgufConversion.of(golden.folder(), Weights.F32_OF_Q8_0).write(folder.resolve("f.gguf"));
        for (int ranks : new int[] {1, 2}) {
            assertThat(logits(blocks, golden, ranks).toArray(float[][][]::new))
                    .isDeepEqualTo(logits(numbers, golden, ranks).toArray(float[][][]::new));
        }
    }

    @Test
    void aDeviceThatReadsNumbersAloneGetsThoseThatBlocksStandFor() {
        Golden golden = GoldenModels.named("llama3-f32");
        Path blocks = GgufConversion.of(golden.folder(), Weights.Q8_0).write(folder.resolve("q.gguf"));
        Path numbers = GgufConversion.of(golden.folder(), Weights.F32_OF_Q8_0).write(folder.resolve("f.gguf"));
        List<int[]> ids = golden.inputs().stream().map(GoldenModels.Input::ids).toList();
        try (var checkpoint = GgufModel.open(blocks).checkpoint();
                var inner = new ReferenceDevice()) {
            var prepared = new ArrayList<Matrix>();
            var run = new DecoderRun(checkpoint, golden.contextLength(), 16, 42);
            List<float[][]> logits =
                    run.logits(List.of(readingNumbersAlone(inner, prepared)), ids, DecoderRun.Steps.whole(ids));
            assertThat(logits.toArray(float[][][]::new))
                    .isDeepEqualTo(logits(numbers, golden, 1).toArray(float[][][]::new));
            assertThat(prepared).isNotEmpty().noneMatch(m -> m instanceof Matrix.Blocks);
        }
    }

    private static Device readingNumbersAlone(Device inner, List<Matrix> prepared) {
        return (Device) Proxy.newProxyInstance(
                Device.class.getClassLoader(), new Class<?>[] {Device.class}, (_, method, arguments) -> {
                    if (method.getName().equals("matrices")) {
                        return Device.Matrices.AS_ACTIVATIONS;
                    }
                    if (method.getName().startsWith("prepare")) {
                        collect((Matrix) arguments[0], prepared);
                    }
                    return method.invoke(inner, arguments);
                });
    }

    private static void collect(Matrix matrix, List<Matrix> into) {
        if (matrix instanceof Matrix.Stacked(var parts)) {
            parts.forEach(part -> collect(part, into));
        } else {
            into.add(matrix);
        }
    }

    @Test
    void ranksThatWouldCutABlockAreRefused() {
        Golden golden = GoldenModels.named("llama2-f32");
        Path blocks = GgufConversion.of(golden.folder(), Weights.Q8_0).write(folder.resolve("q.gguf"));
        assertThatThrownBy(() -> logits(blocks, golden, 4))
                .hasMessageContaining("is kept as Q8_0 in blocks of 32; its 64 attention heads cannot be cut into whole"
                        + " ones over 4 ranks; choose another --tp or a format with smaller blocks");
    }

    private static List<float[][]> logits(Path file, Golden golden, int ranks) {
        var group = new ThreadRanks(ranks);
        var devices = new ArrayList<Device>();
        for (int rank = 0; rank < ranks; rank++) {
            devices.add(new ReferenceDevice(group, rank));
        }
        List<int[]> ids = golden.inputs().stream().map(GoldenModels.Input::ids).toList();
        try (var checkpoint = GgufModel.open(file).checkpoint()) {
            var run = new DecoderRun(checkpoint, golden.contextLength(), 16, 42);
            return run.logits(devices, ids, DecoderRun.Steps.whole(ids));
        } finally {
            devices.forEach(Device::close);
        }
    }

    @Test
    void shardsAreOneModelWhicheverIsNamed() {
        Path golden = GoldenModels.root().resolve("qwen3-bf16");
        GgufWriter whole = GgufConversion.of(golden, Weights.AS_STORED);
        GgufWriter[] shards = whole.shards(3);
        Path[] files = new Path[3];
        for (int i = 0; i < 3; i++) {
            files[i] = shards[i].write(folder.resolve("big-0000" + (i + 1) + "-of-00003.gguf"));
        }
        GgufModel model = GgufModel.open(files[1]);
        assertThat(model.name()).isEqualTo("big");
        try (var checkpoint = model.checkpoint();
                var one =
                        GgufModel.open(whole.write(folder.resolve("one.gguf"))).checkpoint()) {
            assertThat(checkpoint.names()).isEqualTo(one.names());
        }
        shards[0].with("split.tensors.count", 99).write(files[0]);
        assertFault(files[0], "its 3 shards hold 24 tensors, but metadata 'split.tensors.count' is 99");
        shards[0].without("split.tensors.count").write(files[0]);
        shards[0].write(folder.resolve("renamed.gguf"));
        assertFault(folder.resolve("renamed.gguf"), "the first of 3 shards, but not called NAME-00001-of-00003.gguf");
        files[2].toFile().delete();
        assertFault(files[0], "big-00003-of-00003.gguf: no such file; the model has 3 shards");
    }

    @Test
    void whatTheFileRecommendsIsTaken() {
        Path file = tiny().with("general.sampling.temp", 0.7f)
                .with("general.sampling.top_k", 20)
                .with("tokenizer.chat_template", "plain")
                .with("tokenizer.chat_template.tool_use", "tools")
                .with("tokenizer.ggml.tokens", List.of("<s>", "<|im_end|>", "b", "<|endoftext|>"))
                .with("tokenizer.ggml.token_type", new int[] {3, 3, 1, 3})
                .with("tokenizer.ggml.eos_token_id", 1)
                .with("tokenizer.ggml.bos_token_id", 0)
                .write(folder.resolve("tiny-model.gguf"));
        GgufModel model = GgufModel.open(file);
        assertThat(model.name()).isEqualTo("tiny-model");
        assertThat(model.generationDefaults().temperature()).isEqualTo(0.7);
        assertThat(model.generationDefaults().topK()).isEqualTo(20);
        assertThat(model.generationDefaults().topP()).isNull();
        assertThat(model.eosTokenIds()).isEqualTo(Tokens.of(1, 3));
        assertThat(model.chatTemplates()).containsEntry("default", "plain").containsEntry("tool_use", "tools");
        assertThat(model.specialTokens())
                .containsEntry("bos_token", "<s>")
                .containsEntry("eos_token", "<|im_end|>")
                .hasSize(2);
    }

    @Test
    void aHeadOfMegabytesIsReadToItsEnd() {
        String template = "{# a long one #}".repeat(50_000);
        var tags = new ArrayList<String>();
        for (int i = 0; i < 100_000; i++) {
            tags.add("tag \u00e9 " + i);
        }
        Path file = new GgufWriter()
                .with("general.tags", tags)
                .with("tokenizer.chat_template", template)
                .with("general.numbers", new int[100_000])
                .with("tokenizer.ggml.tokens", List.of("", "\u00e9\u4e00", "b", "</s>"))
                .with("tokenizer.ggml.eos_token_id", 3)
                .with("tokenizer.ggml.unknown_token_id", 1)
                .with("tokenizer.ggml.padding_token_id", 0)
                .with(tiny())
                .write(folder.resolve("m.gguf"));
        GgufModel model = GgufModel.open(file);
        assertThat(model.chatTemplates().get("default")).isEqualTo(template);
        assertThat(model.specialTokens())
                .containsEntry("eos_token", "</s>")
                .containsEntry("unk_token", "\u00e9\u4e00")
                .containsEntry("pad_token", "");
        assertThat(model.config().path("hidden_size").asInt()).isEqualTo(32);
        model.checkpoint().close();
    }

    @Test
    void whatIsNoGgufOrOfAnotherVersionIsNamed() throws java.io.IOException {
        Path file = folder.resolve("m.gguf");
        Files.write(file, new byte[10]);
        assertFault(file, "10 bytes are too few for a GGUF file", "truncated, download it again");
        Files.write(file, new byte[100]);
        assertFault(file, "not a GGUF file");
        tiny().version(1).write(file);
        assertFault(file, "GGUF version 1; versions 2 and 3 are read", "current llama.cpp");
        tiny().version(4).write(file);
        assertFault(file, "GGUF version 4; versions 2 and 3 are read");
        tiny().version(Integer.reverseBytes(3)).write(file);
        assertFault(file, "big-endian");
        tiny().version(2).write(file);
        assertThat(GgufModel.open(file).config().path("hidden_size").asInt()).isEqualTo(32);
    }

    @Test
    void unknownTypesAreNamedWithTheKnownOnes() {
        Path file = folder.resolve("m.gguf");
        tiny().tensor("blk.0.attn_q.weight", 23, new long[] {1, 256}, new byte[136])
                .write(file);
        assertFault(
                file,
                "tensor 'blk.0.attn_q.weight' is stored as IQ4_XS (type 23); supported are F32, F16, Q4_0, Q4_1, Q5_0,"
                        + " Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, BF16");
        tiny().tensor("x", 77, new long[] {1, 256}, new byte[136]).write(file);
        assertFault(file, "tensor 'x' is stored as type 77; supported are");
        tiny().tensor("x", 12, new long[] {2, 320}, new byte[360]).write(file);
        assertFault(file, "tensor 'x' has shape [2, 320], which Q4_K cannot have; the file is corrupt");
        tiny().with("general.architecture", "lama").write(file);
        assertFault(file, "'general.architecture' is 'lama', which is not supported; did you mean 'llama'?");
    }

    @Test
    void metadataThatContradictsTheTensorsIsNamed() {
        Path file = folder.resolve("m.gguf");
        tiny().with("llama.vocab_size", 5).write(file);
        assertFault(file, "'token_embd.weight' has 4 rows, but the metadata says vocab_size 5");
        tiny().with("tokenizer.ggml.tokens", List.of("a", "b", "c", "d", "e")).write(file);
        assertFault(file, "has 4 rows, but the metadata says vocab_size 4 and lists 5 tokens");
        tiny().without("llama.context_length").write(file);
        assertFault(file, "metadata 'llama.context_length' is missing");
        tiny().with("llama.context_length", "long").write(file);
        assertFault(file, "metadata 'llama.context_length' is Text[value=long], want a whole number");
        tiny().floats("rope_freqs.weight", new long[] {3}, 1, 1, 1).write(file);
        assertFault(file, "tensor 'rope_freqs.weight' has shape [3], want one factor for each of 8 frequencies");
        tiny().write(file);
        try (var checkpoint = GgufModel.open(file).checkpoint()) {
            assertThatThrownBy(() -> checkpoint.tensor("model.embed_tokens.weight", 5, 32))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("'token_embd.weight' has shape [4, 32]; the metadata asks for [5, 32]");
            assertThatThrownBy(() -> checkpoint.tensor("model.layers.0.self_attn.q_proj.weight", 32, 32))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("tensor 'blk.0.attn_q.weight' is not there");
        }
    }

    @Test
    void whatNoModelCouldBeMadeOfIsBlamedOnFileAndKey() {
        Path file = folder.resolve("m.gguf");
        tiny().with("llama.attention.head_count_kv", 3).write(file);
        assertNoModel(file, file + ": metadata 'llama.attention.head_count_kv' is 3, which does not divide 2 heads");
        tiny().with("llama.attention.head_count", 9).write(file); // heads of three numbers, which no rotation takes
        assertNoModel(file, file + ": metadata 'llama.embedding_length' / 'llama.attention.head_count' ");
        tiny().with("llama.attention.head_count", 0).write(file);
        assertFault(file, "metadata 'llama.attention.head_count' is Whole[value=0], want a whole number of at least 1");
    }

    private static void assertNoModel(Path file, String beginning) {
        assertThatThrownBy(() -> {
                    GgufModel model = GgufModel.open(file);
                    ModelConfig config = ModelConfig.of(model.config(), model::place);
                    Families.of(config).shape(config);
                })
                .isInstanceOf(EngineFault.class)
                .hasMessageStartingWith(beginning);
    }

    @Test
    void aFileThatEndsAnywhereIsRefusedAndNoByteBreaksTheReader() throws java.io.IOException {
        byte[] whole = tiny().with("tokenizer.ggml.tokens", List.of("a", "b")).bytes();
        Path file = folder.resolve("m.gguf");
        for (int end = 0; end < whole.length; end += 23) {
            Files.write(file, Arrays.copyOf(whole, end));
            assertThatThrownBy(() -> GgufModel.open(file))
                    .as("cut at %d of %d", end, whole.length)
                    .isInstanceOf(EngineFault.class);
        }
        long seed = 13;
        var random = new Random(seed);
        for (int i = 0; i < MUTATIONS; i++) {
            byte[] bytes = whole.clone();
            int at = random.nextInt(bytes.length - 512);
            bytes[at] = (byte) random.nextInt(256);
            Files.write(file, bytes);
            try {
                GgufModel.open(file).checkpoint().close();
            } catch (EngineFault e) {
                assertThat(e.getMessage()).as("byte %d, seed %d", at, seed).contains("m.gguf");
            }
        }
    }

    /** Such a tensor has no byte that could be missing, and yet its place is behind the end. */
    @Test
    void aTensorOfNoElementsBehindAFileThatEndsWithItsHeadIsRefused() throws java.io.IOException {
        Path file = folder.resolve("m.gguf");
        for (int more = 0; more < 32; more++) { // the head ends everywhere between two multiples of the alignment
            byte[] whole = new GgufWriter()
                    .with("general.name", "x".repeat(more))
                    .floats("nothing", new long[] {0, 32})
                    .bytes();
            Files.write(file, whole);
            assertThat(tensors(file)).containsExactly("nothing");
            Files.write(file, Arrays.copyOf(whole, whole.length - 1));
            assertThatThrownBy(() -> tensors(file))
                    .as("%d bytes", whole.length - 1)
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("the file is truncated");
        }
    }

    private static List<String> tensors(Path file) {
        try (Arena arena = Arena.ofConfined()) {
            return List.copyOf(GgufFile.read(file).tensors(arena).keySet());
        }
    }

    /** Four tokens of 32 numbers, and all the metadata that an architecture must have. */
    private static GgufWriter tiny() {
        return new GgufWriter()
                .with("general.architecture", "llama")
                .with("llama.block_count", 1)
                .with("llama.context_length", 64)
                .with("llama.embedding_length", 32)
                .with("llama.feed_forward_length", 32)
                .with("llama.attention.head_count", 2)
                .with("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .floats("token_embd.weight", new long[] {4, 32}, new float[128]);
    }

    private static void assertFault(Path file, String... parts) {
        assertThatThrownBy(() -> GgufModel.open(file))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining(String.valueOf(file.getFileName()).substring(0, 1))
                .satisfies(e -> assertThat(e.getMessage()).contains(parts));
    }
}
