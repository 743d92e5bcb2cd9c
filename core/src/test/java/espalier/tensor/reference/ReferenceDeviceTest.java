package espalier.tensor.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import espalier.contract.AttentionCase;
import espalier.contract.Scene;
import espalier.tensor.DType;
import espalier.tensor.KvCache;
import espalier.tensor.Matrix;
import espalier.tensor.Ops;
import espalier.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** The oracle itself, held to what PyTorch computes (torch_ops.py) and to facts by hand. */
class ReferenceDeviceTest {
    @AutoClose
    private final ReferenceDevice device = new ReferenceDevice();

    private final Scene scene = new Scene(device, 1);

    private static Map<String, float[]> golden(String name) throws IOException {
        try (InputStream in = ReferenceDeviceTest.class.getResourceAsStream("torch-ops.txt")) {
            var block = new HashMap<String, float[]>();
            boolean inside = false;
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
                String[] words = line.split(" ");
                if (words[0].equals("case")) {
                    inside = words[1].equals(name);
                } else if (inside) {
                    var values = new float[Integer.parseInt(words[1])];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = Float.parseFloat(words[i + 2]);
                    }
                    block.put(words[0], values);
                }
            }
            assertThat(block).as(name).isNotEmpty();
            return block;
        }
    }

    private Tensor tensor(float[] flat, int rows) {
        int cols = flat.length / rows;
        var values = new float[rows][cols];
        for (int i = 0; i < rows; i++) {
            System.arraycopy(flat, i * cols, values[i], 0, cols);
        }
        return scene.numbers(DType.F32, values, cols, cols + 2);
    }

    private void assertEqual(Tensor have, float[] want) {
        float[][] rows = scene.read(have);
        for (int i = 0; i < want.length; i++) {
            assertThat(rows[i / have.cols()][i % have.cols()])
                    .as("element %s", i)
                    .isCloseTo(want[i], within(1e-5f));
        }
    }

    @Test
    void rmsNormEqualsTorch() throws IOException {
        Map<String, float[]> g = golden("rmsNorm");
        Tensor out = scene.out(3, 10);
        device.ops().rmsNorm(tensor(g.get("x"), 3), tensor(g.get("w"), 1), 1e-5f, out);
        assertEqual(out, g.get("y"));
    }

    @Test
    void siluMulEqualsTorch() throws IOException {
        Map<String, float[]> g = golden("siluMul");
        Tensor out = scene.out(2, 7);
        device.ops().siluMul(tensor(g.get("x"), 2), out);
        assertEqual(out, g.get("y"));
    }

    @Test
    void ropeEqualsTorch() throws IOException {
        Map<String, float[]> g = golden("rope");
        Tensor x = tensor(g.get("x"), 4);
        var rope = new Ops.Rope(tensor(g.get("inv"), 1), 8, 1.5f);
        device.ops().rope(x, 12, scene.integers(0, 1, 5, 3000), rope);
        assertEqual(x, g.get("y"));
    }

    @Test
    void matmulEqualsTorch() throws IOException {
        Map<String, float[]> g = golden("matmul");
        Tensor out = scene.out(3, 5);
        device.ops().matmul(tensor(g.get("x"), 3), new Matrix.Dense(tensor(g.get("w"), 5)), out);
        assertEqual(out, g.get("y"));
    }

    @Test
    void attentionEqualsTorchWithAndWithoutAWindow() throws IOException {
        assertAttention("attention", 0);
        assertAttention("attentionWindow4", 4);
    }

    private void assertAttention(String name, int window) throws IOException {
        Map<String, float[]> g = golden(name);
        var pages = new AttentionCase.Pages(1, 2, 9, new Random(3));
        KvCache kv = device.kvCache(new KvCache.Shape(1, 2 * pages.count(), 2, 6, DType.F32));
        Tensor out = scene.out(9, 24);
        Tensor q = tensor(g.get("q"), 9);
        Tensor k = tensor(g.get("k"), 9);
        Tensor v = tensor(g.get("v"), 9);
        // in two steps: the second reads what the first has written
        for (int[] part : new int[][] {{0, 0, 4}, {0, 4, 9}}) {
            int n = part[2] - part[1];
            device.ops()
                    .attention(new Ops.Attend(
                            0,
                            q.rows(part[1], n),
                            k.rows(part[1], n),
                            v.rows(part[1], n),
                            out.rows(part[1], n),
                            6,
                            0.3f,
                            window,
                            pages.inputs(scene, List.of(part)),
                            kv));
        }
        assertEqual(out, g.get("y"));
    }

    @Test
    void idsOfOtherRanksEmbedAsZero() {
        Tensor out = scene.out(3, 2);
        var table = new Matrix.Dense(scene.numbers(DType.BF16, new float[][] {{1, 2}, {3, 4}}, 2, 2));
        device.ops().embed(scene.integers(10, 11, 12), table, 10, out);
        assertThat(scene.read(out)).isDeepEqualTo(new float[][] {{1, 2}, {3, 4}, {0, 0}});
    }

    @Test
    void negativeIdsStandForTheSeatsLastToken() {
        Tensor ids = scene.integers(8, -1, -3);
        device.ops().resolveIds(ids, scene.integers(70, 71, 72));
        assertThat(scene.read(ids)).isDeepEqualTo(new float[][] {{8, 70, 72}});
    }

    @Test
    void aWrongShapeIsNamedBeforeAnythingIsWritten() {
        Tensor x = scene.numbers(DType.F32, 2, 4);
        Tensor out = scene.out(2, 5);
        float[][] before = scene.read(out);
        assertThatThrownBy(() -> device.ops().matmul(x, new Matrix.Dense(scene.numbers(DType.F32, 6, 4)), out))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("out is 2x5, want 2x6");
        assertThatThrownBy(() -> device.ops().add(x, scene.numbers(DType.BF16, 2, 4)))
                .hasMessage("delta is BF16, want F32");
        assertThat(scene.read(out)).isDeepEqualTo(before);
    }
}
