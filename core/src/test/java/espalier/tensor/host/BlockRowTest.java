package espalier.tensor.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.tensor.BlockFormat;
import espalier.tensor.Matrix;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BlockRowTest {
    private static final Set<BlockFormat> OURS = Set.of(
            BlockFormat.INT8_ROW, BlockFormat.INT8_GROUP64, BlockFormat.INT4_GROUP64, BlockFormat.INT4_GROUP64_MIN);

    /** tools/golden/blocks.py made the file. */
    private static JsonNode golden() {
        try (InputStream file = BlockRowTest.class.getResourceAsStream("blocks.json")) {
            return new JsonMapper().readTree(file);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static ByteBuffer bytes(JsonNode node, String field) {
        return ByteBuffer.wrap(Base64.getDecoder().decode(node.path(field).asString()))
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void everyFormatOfOthersHasGoldenBlocks() {
        var named = new TreeSet<String>();
        for (BlockFormat format : BlockFormat.values()) {
            if (!OURS.contains(format)) {
                named.add(format.name());
            }
        }
        assertThat(golden().propertyNames()).containsExactlyInAnyOrderElementsOf(named);
    }

    @ParameterizedTest
    @EnumSource(BlockFormat.class)
    void floatsAreBitForBitThoseOfTheGgufPackage(BlockFormat format) {
        JsonNode one = golden().path(format.name());
        if (OURS.contains(format)) {
            assertThat(one.isMissingNode()).isTrue();
            return;
        }
        var blocks = new HostBuffer(MemorySegment.ofArray(bytes(one, "bytes").array()));
        var want = new float[512];
        bytes(one, "floats").asFloatBuffer().get(want);
        // the same bytes as one row and as two, whole and from the middle on
        assertThat(BlockRow.of(new Matrix.Blocks(format, blocks, 0, 1, 512), 0).toFloats())
                .containsExactly(want);
        var rows = new Matrix.Blocks(format, blocks, 0, 2, 256);
        assertThat(BlockRow.of(rows, 1).toFloats()).containsExactly(Arrays.copyOfRange(want, 256, 512));
        var part = new BlockRow(format, 256);
        part.read(new Matrix.Blocks(format, blocks, 0, 1, 512), 0, 256);
        assertThat(part.toFloats()).containsExactly(Arrays.copyOfRange(want, 256, 512));
    }

    @ParameterizedTest
    @EnumSource(BlockFormat.class)
    void wholeNumbersStayWithinTheFormatsBounds(BlockFormat format) {
        var random = new java.util.Random(format.ordinal());
        var memory = new byte[Math.toIntExact(format.rowBytes(4096))];
        random.nextBytes(memory);
        BlockRow row =
                BlockRow.of(new Matrix.Blocks(format, new HostBuffer(MemorySegment.ofArray(memory)), 0, 1, 4096), 0);
        int lowest = Integer.MAX_VALUE;
        int highest = Integer.MIN_VALUE;
        for (byte value : row.values()) {
            lowest = Math.min(lowest, value);
            highest = Math.max(highest, value);
        }
        assertThat(lowest).isEqualTo(format.lowest());
        assertThat(highest).isEqualTo(format.highest());
        assertThat(row.scales()).hasSize(4096 / format.groupElements(4096));
    }

    @Test
    void ourOwnFormatsReadAsTheyAreDescribed() {
        var memory = ByteBuffer.allocate(36).order(ByteOrder.LITTLE_ENDIAN);
        memory.putShort(0, Float.floatToFloat16(0.5f)).putShort(2, Float.floatToFloat16(-3));
        memory.put(4, (byte) 0x2f).put(35, (byte) 0x71);
        var buffer = new HostBuffer(MemorySegment.ofArray(memory.array()));
        float[] raised = BlockRow.of(new Matrix.Blocks(BlockFormat.INT4_GROUP64_MIN, buffer, 0, 1, 64), 0)
                .toFloats();
        assertThat(new float[] {raised[0], raised[32], raised[31], raised[63]}).containsExactly(4.5f, -2, -2.5f, 0.5f);
        memory.put(2, (byte) 0x2f);
        float[] even = BlockRow.of(new Matrix.Blocks(BlockFormat.INT4_GROUP64, buffer, 0, 1, 64), 0)
                .toFloats();
        assertThat(new float[] {even[0], even[32]}).containsExactly(3.5f, -3);
        memory.putFloat(0, 0.25f).put(4, (byte) -128).put(5, (byte) 7);
        float[] row = BlockRow.of(new Matrix.Blocks(BlockFormat.INT8_ROW, buffer, 0, 1, 2), 0)
                .toFloats();
        assertThat(row).containsExactly(-32, 1.75f);
    }

    @Test
    void widthsAndCutsInsideABlockAreRefused() {
        assertThatThrownBy(() -> BlockFormat.Q4_K.rowBytes(320))
                .hasMessageContaining("Q4_K stores rows in blocks of 256");
        var part = new BlockRow(BlockFormat.Q8_0, 32);
        assertThatThrownBy(() -> part.read(MemorySegment.ofArray(new byte[68]), 0, 16))
                .hasMessageContaining("element 16 is inside a block of 32");
    }
}
