package espalier.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.model.family.Families;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

class ModelConfigTest {
    private static final String WHOLE = """
            {'architectures': ['Qwen2ForCausalLM'], 'hidden_size': 64, 'intermediate_size': 96, 'num_hidden_layers': 2,
             'num_attention_heads': 4, 'num_key_value_heads': 2, 'vocab_size': 128, 'max_position_embeddings': 256,
             'rms_norm_eps': 1e-6, 'hidden_act': 'silu'}""";

    @Test
    void aWholeConfigIsRead() {
        ModelShape shape = shape(WHOLE);
        assertThat(shape.layers()).isEqualTo(2);
        assertThat(shape.contextTokens()).isEqualTo(256);
        assertThat(shape.kvHeads()).isEqualTo(Dim.splitOrRepeat("key-value heads", 2, 16));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            'hidden_size': 64                  | 'hidden': 64                       | config.json: hidden_size is missing
            'hidden_size': 64                  | 'hidden_size': '64'                | hidden_size is "64", want a whole number of at least 1
            'hidden_size': 64                  | 'hidden_size': 0                   | hidden_size is 0
            'vocab_size': 128                  | 'vocab_size': 12.5                 | vocab_size is 12.5
            'rms_norm_eps': 1e-6               | 'rms_norm_eps': []                 | rms_norm_eps is [], want a number
            'hidden_act': 'silu'               | 'hidden_act': 'gelu'               | hidden_act is 'gelu'
            'num_key_value_heads': 2           | 'num_key_value_heads': 3           | num_key_value_heads is 3, which does not divide 4 heads
            ['Qwen2ForCausalLM']               | 'Qwen2ForCausalLM'                 | architectures is "Qwen2ForCausalLM", want a list of strings
            ['Qwen2ForCausalLM']               | ['Qwen2MoeForCausalLM']            | 'Qwen2MoeForCausalLM', which is not supported; did you mean 'Qwen2ForCausalLM'?; supported are LlamaForCausalLM, MistralForCausalLM
            ['Qwen2ForCausalLM']               | []                                 | architectures is missing
            'hidden_act': 'silu'               | 'rope_scaling': 4                  | rope_scaling is 4, want an object
            'hidden_act': 'silu'               | 'rope_scaling': {'type': 'longrope'}                  | rope_scaling.type is 'longrope', which is not supported; supported are default, linear
            'hidden_act': 'silu'               | 'rope_parameters': {'rope_type': 'linear'}            | rope_parameters.factor is missing
            'hidden_act': 'silu'               | 'rope_parameters': {'rope_type': 'yarn', 'factor': 0} | rope_parameters.factor is 0.0, want at least 1
            'hidden_act': 'silu'               | 'rope_parameters': {'full_attention': {}}             | differs by kind of layer
            'hidden_act': 'silu'               | 'layer_types': ['full_attention']                     | layer_types has 1 entries for 2 layers
            'hidden_act': 'silu'               | 'layer_types': ['full_attention', 'linear_attention'] | layer_types names 'linear_attention', which is not supported
            """)
    void aWrongFieldIsNamedWithFileAndValue(String from, String to, String message) {
        assertThat(WHOLE).contains(from);
        assertThatThrownBy(() -> shape(WHOLE.replace(from, to)))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("config.json: ")
                .hasMessageContaining(message);
    }

    @Test
    void linearScalingWidensTheContextAndDynamicScalingLeavesItToTheUser() {
        assertThat(scaled("'type': 'linear', 'factor': 4").contextTokens()).isEqualTo(1024);
        assertThat(scaled("'type': 'dynamic', 'factor': 4").contextTokens()).isEqualTo(256);
        assertThat(scaled("'rope_type': 'yarn', 'factor': 4, 'original_max_position_embeddings': 64")
                        .contextTokens())
                .isEqualTo(256);
    }

    @Test
    void dynamicScalingFixesItsBaseByTheContextInUse() {
        var dynamic = new RopeScaling.Dynamic(4, 256);
        var plain = new Rotary(16, 10_000, new RopeScaling.None(), 256).frequencies();
        assertThat(new Rotary(16, 10_000, dynamic, 100).frequencies()).isEqualTo(plain);
        assertThat(new Rotary(16, 10_000, dynamic, 256).frequencies()).isEqualTo(plain);
        assertThat(new Rotary(16, 10_000, dynamic, 512).frequencies()[3]).isLessThan(plain[3]);
    }

    private static ModelShape scaled(String scaling) {
        return shape(WHOLE.replace("'hidden_act': 'silu'", "'rope_scaling': {" + scaling + "}"));
    }

    private static ModelShape shape(String json) {
        ModelConfig config = ModelConfig.of(new JsonMapper().readTree(json.replace('\'', '"')));
        return Families.of(config).shape(config);
    }
}
