package espalier.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.DummyCheckpoint;
import espalier.checkpoint.ModelFolder;
import espalier.checkpoint.StoredTensor;
import espalier.golden.GoldenModels;
import espalier.model.family.Families;
import espalier.tensor.BlockFormat;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.KvType;
import espalier.tensor.Matrix;
import espalier.tensor.host.BlockRow;
import espalier.tensor.reference.DryDevice;
import espalier.tensor.reference.ReferenceDevice;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class QuantizedLoadingTest {
    private static final Dim IN = Dim.split("inputs", 64, 1);
    private static final Dim OUT = Dim.split("outputs", 64, 1);

    private static Checkpoint checkpoint() {
        return ModelFolder.open(GoldenModels.root().resolve("llama3-bf16")).checkpoint();
    }

    @ParameterizedTest
    @EnumSource(Quantization.class)
    void ranksHoldPartsOfTheSameNumbers(Quantization quantization) {
        if (quantization == Quantization.NONE || quantization.ofVocabulary(64) == BlockFormat.INT8_GROUP64) {
            return; // a row of 64 is one block of 64, which no two ranks can share
        }
        try (Checkpoint checkpoint = checkpoint();
                var device = new ReferenceDevice()) {
            var whole = (Matrix.Blocks) table(checkpoint, device, new Mesh(0, 1), quantization, List.of(IN, OUT));
            assertThat(whole.format()).isEqualTo(quantization.ofVocabulary(64));
            for (int rank = 0; rank < 2; rank++) {
                var mesh = new Mesh(rank, 2);
                var rows = (Matrix.Blocks)
                        table(checkpoint, device, mesh, quantization, List.of(Dim.whole("all", 64), OUT));
                var cols = (Matrix.Blocks)
                        table(checkpoint, device, mesh, quantization, List.of(IN, Dim.whole("all", 64)));
                for (int i = 0; i < 32; i++) {
                    assertThat(BlockRow.of(rows, i).toFloats())
                            .containsExactly(BlockRow.of(whole, 32 * rank + i).toFloats());
                    float[] row = BlockRow.of(whole, i).toFloats();
                    assertThat(BlockRow.of(cols, i).toFloats())
                            .containsExactly(java.util.Arrays.copyOfRange(row, 32 * rank, 32 * rank + 32));
                }
            }
        }
    }

    /** The down projection of the first layer, whose two axes are called as asked. */
    private static Matrix table(
            Checkpoint checkpoint, ReferenceDevice device, Mesh mesh, Quantization q, List<Dim> inOut) {
        return Weights.of(checkpoint, device, mesh, q)
                .at("model.layers.0.mlp.down_proj")
                .table(inOut.get(1), inOut.get(0));
    }

    @Test
    void quantizedNumbersAreNearTheStoredOnes() {
        try (Checkpoint checkpoint = checkpoint();
                var device = new ReferenceDevice()) {
            var stored = checkpoint.tensor("model.layers.0.mlp.down_proj.weight", 64, 64);
            var want = new float[64];
            var whole = (Matrix.Blocks) table(checkpoint, device, new Mesh(0, 1), Quantization.INT8, List.of(IN, OUT));
            for (int i = 0; i < 64; i++) {
                stored.copyTo(64L * i, want);
                float[] have = BlockRow.of(whole, i).toFloats();
                float most = 0;
                for (float each : want) {
                    most = Math.max(most, Math.abs(each));
                }
                for (int j = 0; j < 64; j++) {
                    assertThat(have[j]).isCloseTo(want[j], org.assertj.core.api.Assertions.within(most / 127));
                }
            }
        }
    }

    @Test
    void aPlanCountsTheQuantizedBytesWithoutReadingAny() {
        String config = """
                {"architectures": ["LlamaForCausalLM"], "hidden_size": 128, "intermediate_size": 256,
                 "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 512,
                 "max_position_embeddings": 256}""";
        var dummy = DummyCheckpoint.of(new tools.jackson.databind.json.JsonMapper().readTree(config));
        long layers = 2L * (128 * (128 + 64 + 64) + 128 * 128 + 3 * 128 * 256);
        long vocabulary = 2L * 512 * 128;
        long norms = 2 * 5 * 128;
        long frequencies = 16 * 4;
        assertThat(plan(dummy, Quantization.NONE)).isEqualTo(2 * (layers + vocabulary) + norms + frequencies);
        assertThat(plan(dummy, Quantization.INT4_GROUP32))
                .isEqualTo(layers * 18 / 32 + vocabulary * 34 / 32 + norms + frequencies);
        assertThat(dummy.names()).isEmpty();
    }

    private static long plan(Checkpoint checkpoint, Quantization quantization) {
        try (var dry = new DryDevice()) {
            ModelConfig config = ModelConfig.of(checkpoint.config());
            var weights = Weights.outline(checkpoint, dry, new Mesh(0, 1), quantization);
            Decoder.load(Families.of(config), config, weights, _ -> {});
            var storage =
                    new MemoryPlan.Storage(KvType.BF16, DType.F32, quantization, Device.Matrices.AS_STORED, _ -> 0);
            var plan = MemoryPlan.of(
                    Families.of(config), checkpoint, new Mesh(0, 1), new MemoryPlan.Largest(8, 2, 8), storage);
            assertThat(plan.weightBytes()).isEqualTo(dry.weightBytes());
            return plan.weightBytes();
        }
    }

    @Test
    void aPlanCountsWhatIsWrittenOutForADeviceThatReadsItsActivationsTypeAlone() {
        try (Checkpoint floats =
                ModelFolder.open(GoldenModels.root().resolve("llama3-f32")).checkpoint()) {
            long layers = 2L * (64 * (64 + 32 + 32) + 64 * 64 + 3 * 64 * 64);
            long tiedTable = 128 * 64;
            assertThat(bytes(floats, Device.Matrices.AS_STORED) - bytes(floats, Device.Matrices.AS_ACTIVATIONS))
                    .isEqualTo(2 * (layers + tiedTable));
        }
    }

    @Test
    void aPlanReadsNoWeights() {
        try (Checkpoint whole =
                ModelFolder.open(GoldenModels.root().resolve("llama3-f32")).checkpoint()) {
            var unreadable = new Unreadable(whole);
            for (Device.Matrices matrices : Device.Matrices.values()) {
                assertThat(bytes(unreadable, matrices)).isEqualTo(bytes(whole, matrices));
            }
            assertThat(plan(unreadable, Quantization.INT8)).isLessThan(plan(unreadable, Quantization.NONE));
        }
    }

    /** Tensors whose memory is gone. */
    private record Unreadable(Checkpoint of) implements Checkpoint {
        @Override
        public tools.jackson.databind.JsonNode config() {
            return of.config();
        }

        @Override
        public java.util.Set<String> names() {
            return of.names();
        }

        @Override
        public StoredTensor tensor(String name, long... shape) {
            StoredTensor t = of.tensor(name, shape);
            try (Arena gone = Arena.ofConfined()) {
                return new StoredTensor(
                        t.name(),
                        t.encoding(),
                        t.shape(),
                        gone.allocate(t.data().byteSize(), 64));
            }
        }

        @Override
        public void close() {}
    }

    private static long bytes(Checkpoint checkpoint, Device.Matrices matrices) {
        var family = Families.of(ModelConfig.of(checkpoint.config()));
        var storage = new MemoryPlan.Storage(KvType.BF16, DType.BF16, Quantization.NONE, matrices, _ -> 0);
        return MemoryPlan.of(family, checkpoint, new Mesh(0, 1), new MemoryPlan.Largest(8, 2, 8), storage)
                .weightBytes();
    }

    @Test
    void narrowMatricesTakeAFormatThatFits() {
        assertThat(Quantization.INT4_GROUP64.ofLayer(96)).isEqualTo(BlockFormat.Q4_0);
        assertThat(Quantization.INT4_GROUP64_MIN.ofLayer(96)).isEqualTo(BlockFormat.Q4_1);
        assertThat(Quantization.INT4_GROUP64.ofLayer(128)).isEqualTo(BlockFormat.INT4_GROUP64);
        assertThat(Quantization.INT4.ofLayer(80)).isEqualTo(BlockFormat.INT8_ROW);
        assertThat(Quantization.NONE.ofLayer(64)).isNull();
    }

    @Test
    void ranksThatWouldCutABlockAreRefused() {
        try (Checkpoint checkpoint = checkpoint();
                var device = new ReferenceDevice()) {
            assertThatThrownBy(() -> table(
                            checkpoint,
                            device,
                            new Mesh(1, 4),
                            Quantization.INT8_GROUP32,
                            List.of(IN, Dim.whole("all", 64))))
                    .hasMessageContaining("is kept as Q8_0 in blocks of 32; its 64 inputs cannot be cut into whole ones"
                            + " over 4 ranks");
        }
    }
}
