package espalier.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.DummyCheckpoint;
import espalier.model.family.Families;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvType;
import espalier.tensor.Matrix;
import espalier.tensor.reference.DryDevice;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LoadingTest {
    private static final String QWEN3 = """
            {'architectures': ['Qwen3ForCausalLM'], 'hidden_size': 64, 'intermediate_size': 96, 'num_hidden_layers': 2,
             'num_attention_heads': 4, 'num_key_value_heads': 2, 'head_dim': 32, 'vocab_size': 128,
             'max_position_embeddings': 256, 'tie_word_embeddings': true, 'rope_theta': 1000}""";
    private static final String LLAMA = """
            {'architectures': ['LlamaForCausalLM'], 'hidden_size': 64, 'intermediate_size': 96, 'num_hidden_layers': 1,
             'num_attention_heads': 4, 'num_key_value_heads': 2, 'vocab_size': 127, 'max_position_embeddings': 256}""";

    @Test
    void narrowKeysAndValuesTakeHalfTheMemory() {
        var shape = new ModelShape(
                2,
                Dim.whole("hidden", 128),
                Dim.whole("vocab", 64),
                Dim.splitOrRepeat("kvHeads", 2, 64),
                512,
                1e-5f,
                false);
        var mesh = new Mesh(0, 1);
        long bf16 = shape.kvShape(mesh, 10, KvType.BF16).bytes();
        assertThat(bf16).isEqualTo(2 * 2 * 10 * 2 * 64 * 2);
        assertThat(shape.kvShape(mesh, 10, KvType.FP8_E4M3).bytes()).isEqualTo(bf16 / 2);
        assertThat(shape.kvShape(mesh, 10, KvType.FP8_E5M2).bytes()).isEqualTo(bf16 / 2);
        assertThat(shape.kvShape(mesh, 10, KvType.INT8).bytes()).isEqualTo(bf16 / 2 + 2 * 2 * 10 * 2 * 4);
    }

    @Test
    void everyFaultOfACheckpointIsNamedAtOnceWithTheNearestName() {
        EditedCheckpoint checkpoint = complete(QWEN3);
        checkpoint.rename("model.norm.weight", "model.norms.weight");
        checkpoint.put("model.layers.0.mlp.down_proj.weight", 64, 48);
        checkpoint.put("model.layers.0.self_attn.q_proj.bias", 128);
        assertThatThrownBy(() -> load(checkpoint, new Mesh(0, 1)))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("'model.norm.weight' is not in the checkpoint")
                .hasMessageContaining("did you mean 'model.norms.weight'?")
                .hasMessageContaining("'model.layers.0.mlp.down_proj.weight' has shape [64, 48]")
                .hasMessageContaining("'model.layers.0.self_attn.q_proj.bias' belongs to no part of this model")
                .extracting(e -> ((EngineFault) e).code())
                .isEqualTo(EngineFault.Code.CHECKPOINT);
    }

    @Test
    void leftoversOfOldCheckpointsAreReadOver() {
        EditedCheckpoint checkpoint = complete(QWEN3);
        checkpoint.put("model.layers.0.self_attn.rotary_emb.inv_freq", 16);
        checkpoint.put("lm_head.weight", 128, 64);
        assertThatCode(() -> load(checkpoint, new Mesh(0, 1))).doesNotThrowAnyException();
        checkpoint.put("model.extra.weight", 1);
        assertThatThrownBy(() -> load(checkpoint, new Mesh(0, 1))).hasMessageContaining("model.extra.weight");
    }

    @Test
    void aHeadOfItsOwnIsWantedWhereItIsNotTied() {
        EditedCheckpoint checkpoint = complete(LLAMA);
        checkpoint.rename("lm_head.weight", "head.weight");
        assertThatThrownBy(() -> load(checkpoint, new Mesh(0, 1))).hasMessageContaining("'lm_head.weight' is not in");
    }

    @Test
    void ranksThatDoNotDivideTheHeadsAreRefusedWithTheFlagToChange() {
        assertThatThrownBy(() -> load(complete(LLAMA), new Mesh(0, 3)))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("4 attention heads do not divide over 3 ranks")
                .hasMessageContaining("--tp");
    }

    @Test
    void whatIsContiguousInTheFileIsAdoptedAndOnlyColumnsAreCopied() {
        var alone = new DryDevice();
        load(complete(QWEN3), alone, new Mesh(0, 1));
        long frequencies = 16 * 4;
        assertThat(alone.allocatedBytes()).isEqualTo(frequencies);
        var second = new DryDevice(1, 2);
        load(complete(QWEN3), second, new Mesh(1, 2));
        long outProjections = 2L * 64 * (128 / 2) * 4;
        long downProjections = 2L * 64 * (96 / 2) * 4;
        assertThat(second.allocatedBytes()).isEqualTo(frequencies + outProjections + downProjections);
    }

    @Test
    void whatLiesAtAnOddAddressIsCopied() {
        EditedCheckpoint checkpoint = complete(QWEN3);
        checkpoint.misalign("model.norm.weight");
        var device = new DryDevice();
        load(checkpoint, device, new Mesh(0, 1));
        assertThat(device.allocatedBytes()).isEqualTo(16 * 4 + 64 * 4);
    }

    @Test
    void aVocabularyThatDoesNotDivideIsHeldWholeByEveryRank() {
        var vocab = Dim.splitOrWhole("vocabulary ids", 127);
        assertThat(new Mesh(1, 2).mine(vocab)).isEqualTo(new Mesh.Range(0, 127));
        assertThat(new Mesh(1, 2).isShared(vocab)).isFalse();
        assertThatCode(() -> load(complete(LLAMA), new Mesh(1, 2))).doesNotThrowAnyException();
    }

    @Test
    void ranksBeyondTheKeyValueHeadsRepeatThem() {
        var kv = Dim.splitOrRepeat("key-value heads", 2, 32);
        assertThat(new Mesh(0, 4).mine(kv)).isEqualTo(new Mesh(1, 4).mine(kv)).isEqualTo(new Mesh.Range(0, 32));
        assertThat(new Mesh(2, 4).mine(kv)).isEqualTo(new Mesh(3, 4).mine(kv)).isEqualTo(new Mesh.Range(32, 32));
    }

    @Test
    void memoryPlansCountWeightsCacheAndActivationsOfEachRank() {
        EditedCheckpoint checkpoint = complete(QWEN3);
        var largest = new MemoryPlan.Largest(64, 8, 16);
        ModelDefinition family = Families.of(ModelConfig.of(checkpoint.config()));
        MemoryPlan one =
                MemoryPlan.of(family, checkpoint, new Mesh(0, 1), largest, MemoryPlan.Storage.plain(KvType.BF16));
        MemoryPlan two =
                MemoryPlan.of(family, checkpoint, new Mesh(0, 2), largest, MemoryPlan.Storage.plain(KvType.BF16));
        long stored = checkpoint.bytes();
        assertThat(one.weightBytes()).isEqualTo(stored + 16 * 4);
        assertThat(two.weightBytes()).isBetween(stored / 2, stored / 2 + 4096);
        assertThat(one.kvBytesPerToken()).isEqualTo(2 * 2 * 2 * 32 * 2);
        assertThat(two.kvBytesPerToken()).isEqualTo(one.kvBytesPerToken() / 2);
        assertThat(two.workspaceBytes()).isLessThan(one.workspaceBytes());
        // Stream, delta, norm, QKV, attention and the logits of 8 rows, all F32: no more than that at a time.
        assertThat(one.workspaceBytes()).isEqualTo(4 * (64 * (64 + 64 + 64 + 256 + 128) + 8 * 128));
    }

    @Test
    void memoryPlansCountPreparedCopiesInPlaceOfStoredNumbersButBesideATiedTable() {
        for (String config : new String[] {LLAMA, QWEN3}) {
            EditedCheckpoint checkpoint = complete(config);
            var largest = new MemoryPlan.Largest(64, 8, 16);
            ModelDefinition family = Families.of(ModelConfig.of(checkpoint.config()));
            var mesh = new Mesh(0, 1);
            var sizes = new ArrayList<Long>(); // of whole stacks and, after each, of its parts
            var threefold =
                    new MemoryPlan.Storage(KvType.BF16, DType.F32, Quantization.NONE, Device.Matrices.AS_STORED, w -> {
                        sizes.add(w.bytes());
                        return 3 * w.bytes();
                    });
            long plain = MemoryPlan.of(family, checkpoint, mesh, largest, MemoryPlan.Storage.plain(KvType.BF16))
                    .weightBytes();
            long prepared =
                    MemoryPlan.of(family, checkpoint, mesh, largest, threefold).weightBytes();
            long tied = config.equals(QWEN3) ? sizes.removeLast() : 0; // is not spent, so it is asked for once
            long matrices = sizes.stream().mapToLong(x -> x).sum() / 2;
            assertThat(prepared).isEqualTo(plain + 2 * matrices + 3 * tied);
        }
    }

    @Test
    void randomWeightsAreCountedWithoutBeingMade() {
        for (String config : new String[] {LLAMA, QWEN3}) {
            for (int rank = 0; rank < 2; rank++) {
                EditedCheckpoint stored = complete(config);
                var largest = new MemoryPlan.Largest(64, 8, 16);
                ModelDefinition family = Families.of(ModelConfig.of(stored.config()));
                var mesh = new Mesh(rank, 2);
                try (var random = new DummyCheckpoint(stored.config(), DType.F32)) {
                    assertThat(MemoryPlan.of(family, random, mesh, largest, MemoryPlan.Storage.plain(KvType.BF16)))
                            .isEqualTo(MemoryPlan.of(
                                    family, stored, mesh, largest, MemoryPlan.Storage.plain(KvType.BF16)));
                    assertThat(random.names()).isEmpty();
                }
            }
        }
    }

    @Test
    void theHeadIsPreparedAsOneWhetherItIsTiedOrNot() {
        for (String config : new String[] {LLAMA, QWEN3}) {
            var heads = new ArrayList<Integer>();
            var others = new ArrayList<Integer>();
            EditedCheckpoint checkpoint = complete(config);
            load(checkpoint, notingWhatItPrepares(heads, others), new Mesh(0, 1));
            int vocab = ModelConfig.of(checkpoint.config()).count("vocab_size");
            assertThat(heads).containsExactly(vocab);
            assertThat(others).isNotEmpty().doesNotContain(vocab);
        }
    }

    /** A device that notes the rows of the matrices that it is to prepare as heads, and of the others. */
    private static Device notingWhatItPrepares(List<Integer> heads, List<Integer> others) {
        var inner = new DryDevice();
        return (Device) Proxy.newProxyInstance(
                Device.class.getClassLoader(), new Class<?>[] {Device.class}, (_, method, arguments) -> {
                    if (method.getName().startsWith("prepare")) {
                        var stored = (Matrix) arguments[0];
                        (method.getName().equals("prepareHead") ? heads : others).add(stored.out());
                        return stored;
                    }
                    return method.invoke(inner, arguments);
                });
    }

    /** A checkpoint that has just what its config asks for. */
    private static EditedCheckpoint complete(String config) {
        var checkpoint = new EditedCheckpoint(config);
        load(checkpoint, new DryDevice(), new Mesh(0, 1));
        return checkpoint.seal();
    }

    private static void load(Checkpoint checkpoint, Mesh mesh) {
        load(checkpoint, new DryDevice(mesh.rank(), mesh.ranks()), mesh);
    }

    private static void load(Checkpoint checkpoint, Device device, Mesh mesh) {
        ModelConfig config = ModelConfig.of(checkpoint.config());
        Decoder.load(Families.of(config), config, Weights.of(checkpoint, device, mesh), _ -> {});
    }
}
