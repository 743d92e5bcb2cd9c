package espalier.cpu;

import espalier.golden.GgufWriter;
import espalier.tensor.BlockFormat;
import espalier.tensor.Matrix;
import espalier.tensor.host.BlockRow;
import espalier.tensor.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.Consumer;

/**
 * A model of the Llama family, all of whose matrices are random blocks of one format, and the same model in the f32 numbers
 * that the blocks stand for ({@link BlockRow} is held to ggml's reference elsewhere). Products keep the magnitude of what
 * they multiply, and the scales of neighbouring groups differ by up to seven times.
 */
final class RandomGguf {
    /** Two whole blocks of the K formats, one of them in most matrices. */
    private static final int HIDDEN = 256;

    private static final int MIDDLE = 512;

    /** Not a whole number of panels. */
    static final int VOCABULARY = 301;

    private static final int LAYERS = 2;
    private static final float SCALE_STEPS = 40;

    private final BlockFormat format;
    private final Consumer<BlockRow> change;
    private final Random random = new Random(4);
    private final GgufWriter blocks = head();
    private final GgufWriter numbers = head();

    /** @param change to each row of the numbers; the blocks stay what they are */
    RandomGguf(BlockFormat format, Consumer<BlockRow> change) {
        this.format = format;
        this.change = change;
        matrix("token_embd", VOCABULARY, HIDDEN);
        matrix("output", VOCABULARY, HIDDEN);
        norm("output_norm");
        for (int layer = 0; layer < LAYERS; layer++) {
            String prefix = "blk." + layer + ".";
            norm(prefix + "attn_norm");
            norm(prefix + "ffn_norm");
            matrix(prefix + "attn_q", HIDDEN, HIDDEN);
            matrix(prefix + "attn_k", HIDDEN / 2, HIDDEN);
            matrix(prefix + "attn_v", HIDDEN / 2, HIDDEN);
            matrix(prefix + "attn_output", HIDDEN, HIDDEN);
            matrix(prefix + "ffn_gate", MIDDLE, HIDDEN);
            matrix(prefix + "ffn_up", MIDDLE, HIDDEN);
            matrix(prefix + "ffn_down", HIDDEN, MIDDLE);
        }
    }

    Path writeBlocks(Path file) {
        return blocks.write(file);
    }

    Path writeNumbers(Path file) {
        return numbers.write(file);
    }

    private static GgufWriter head() {
        return new GgufWriter()
                .with("general.architecture", "llama")
                .with("llama.block_count", LAYERS)
                .with("llama.context_length", 64)
                .with("llama.embedding_length", HIDDEN)
                .with("llama.feed_forward_length", MIDDLE)
                .with("llama.attention.head_count", 4)
                .with("llama.attention.head_count_kv", 2)
                .with("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    }

    private void norm(String name) {
        var ones = new float[HIDDEN];
        java.util.Arrays.fill(ones, 1);
        blocks.floats(name + ".weight", new long[] {HIDDEN}, ones);
        numbers.floats(name + ".weight", new long[] {HIDDEN}, ones);
    }

    private void matrix(String name, int out, int in) {
        int rowBytes = Math.toIntExact(format.rowBytes(in));
        var bytes = new byte[out * rowBytes];
        random.nextBytes(bytes);
        ByteBuffer memory = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes.length; at += format.blockBytes()) {
            scales(memory, at, in);
        }
        var stored = new Matrix.Blocks(format, new HostBuffer(MemorySegment.ofArray(bytes)), 0, out, in);
        var all = new float[out * in];
        for (int i = 0; i < out; i++) {
            BlockRow row = BlockRow.of(stored, i);
            change.accept(row);
            System.arraycopy(row.toFloats(), 0, all, i * in, in);
        }
        blocks.tensor(name + ".weight", type(), new long[] {out, in}, bytes);
        numbers.floats(name + ".weight", new long[] {out, in}, all);
    }

    /** As GGUF numbers them. */
    private int type() {
        return switch (format) {
            case Q4_0 -> 2;
            case Q4_1 -> 3;
            case Q8_0 -> 8;
            case Q4_K -> 12;
            case Q6_K -> 14;
            case Q5_0, Q5_1, Q2_K, Q3_K, Q5_K, IQ4_NL, INT8_ROW, INT8_GROUP64, INT4_GROUP64, INT4_GROUP64_MIN ->
                throw new IllegalArgumentException(format + " is none of the layouts' formats");
        };
    }

    /** A row of even random numbers has a length of 1 by a scale of sqrt(12 / in) over their range. */
    private void scales(ByteBuffer block, int at, int in) {
        float scale = (float) Math.sqrt(12.0 / in) / (format.highest() - format.lowest() + 1);
        switch (format) {
            case Q8_0, Q4_0 -> half(block, at, scale * varied() / SCALE_STEPS);
            case Q4_1 -> {
                float own = scale * varied() / SCALE_STEPS;
                half(block, at, own);
                half(block, at + 2, -7.5f * own * (0.9f + 0.2f * random.nextFloat()));
            }
            case Q4_K -> {
                half(block, at, scale / SCALE_STEPS);
                half(block, at + 2, 7.5f * scale / SCALE_STEPS);
                sixBits(block, at + 4);
            }
            case Q6_K -> {
                half(block, at + 208, scale / SCALE_STEPS);
                for (int g = 0; g < 16; g++) {
                    block.put(at + 192 + g, (byte) (random.nextBoolean() ? varied() : -varied()));
                }
            }
            case Q5_0, Q5_1, Q2_K, Q3_K, Q5_K, IQ4_NL, INT8_ROW, INT8_GROUP64, INT4_GROUP64, INT4_GROUP64_MIN ->
                throw new IllegalArgumentException(format + " is none of the layouts' formats");
        }
    }

    /** From 9 to 63: 40 steps are a scale of the usual size, about. */
    private int varied() {
        return 9 + random.nextInt(55);
    }

    /** Eight scales and eight minima, each about what centres its group, as ggml packs them into twelve bytes. */
    private void sixBits(ByteBuffer block, int at) {
        for (int g = 0; g < 4; g++) {
            int low = varied();
            int high = varied();
            int lowMinimum = Math.min(63, low + random.nextInt(3));
            int highMinimum = Math.min(63, high + random.nextInt(3));
            block.put(at + g, (byte) (low | high >> 4 << 6));
            block.put(at + 4 + g, (byte) (lowMinimum | highMinimum >> 4 << 6));
            block.put(at + 8 + g, (byte) (high & 15 | (highMinimum & 15) << 4));
        }
    }

    private static void half(ByteBuffer to, int at, float value) {
        to.putShort(at, Float.floatToFloat16(value));
    }
}
