package espalier.contract;

import espalier.contract.AttentionCase.Pages;
import espalier.tensor.DType;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.Ops;
import espalier.tensor.StepInputs;
import espalier.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Rotation and attention as one op, over steps that follow one another as in an engine: the prompts, then steps of one row a
 * sequence, each of which reads the keys that those before it have turned and written. The steps of one row are announced as
 * such, since a device may have kernels of their own for them.
 *
 * @param rotaryDim elements of a head that turn
 * @param prompts positions of each sequence before it decodes
 */
record RotaryAttentionCase(
        KvType kv, int headDim, int rotaryDim, int heads, int kvHeads, int pageSize, int window, int[] prompts) {
    private static final double TOLERANCE = 3e-5;

    /** Where a key that is turned a hair apart may be stored a unit apart. */
    private static final double OF_ROUNDED_KEYS = 1e-3;

    private static final int DECODED = 2;

    static void addTo(List<OpCase> cases) {
        int[] few = {9, 1, 70};
        int[] many = {9, 1, 70, 133, 16, 30};
        for (KvType kv : List.of(KvType.F32, KvType.F16, KvType.BF16)) {
            cases.add(new RotaryAttentionCase(kv, 128, 128, 8, 2, 1, 0, few).asCase());
            cases.add(new RotaryAttentionCase(kv, 128, 128, 8, 2, 1, 0, many).asCase());
            cases.add(new RotaryAttentionCase(kv, 64, 64, 4, 4, 16, 0, many).asCase());
            cases.add(new RotaryAttentionCase(kv, 64, 64, 12, 2, 16, 0, many).asCase());
            cases.add(new RotaryAttentionCase(kv, 128, 64, 4, 2, 1, 0, many).asCase());
            cases.add(new RotaryAttentionCase(kv, 80, 80, 4, 2, 4, 0, many).asCase());
            cases.add(new RotaryAttentionCase(kv, 64, 64, 4, 2, 1, 50, many).asCase());
        }
    }

    private OpCase asCase() {
        return new OpCase(
                "rotaryAttention " + kv + " headDim " + headDim + " of which " + rotaryDim + " heads " + heads + "/"
                        + kvHeads + " pages of " + pageSize + " window " + window + " prompts "
                        + Arrays.toString(prompts),
                kv == KvType.F32 ? TOLERANCE : OF_ROUNDED_KEYS,
                this::run);
    }

    private float[][] run(Scene scene) {
        int sequences = prompts.length;
        int longest = Arrays.stream(prompts).max().orElseThrow() + DECODED;
        var pages = new Pages(sequences, pageSize, longest, scene.random());
        KvCache cache = scene.device().kvCache(new KvCache.Shape(1, pages.count() * pageSize, kvHeads, headDim, kv));
        Ops.Rope rope = rope(scene);
        var seen = new ArrayList<float[]>();
        for (int step = 0; step <= DECODED; step++) {
            var parts = new ArrayList<int[]>();
            for (int s = 0; s < sequences; s++) {
                int to = prompts[s] + step;
                parts.add(new int[] {s, step == 0 ? 0 : to - 1, to});
            }
            StepInputs in = pages.inputs(scene, parts);
            StepInputs.Outline ones = new StepInputs.Outline(StepInputs.Rows.ONE, 0, longest);
            seen.addAll(Arrays.asList(attend(scene, step == 0 ? in : in.with(ones), cache, rope)));
        }
        return seen.toArray(float[][]::new);
    }

    private Ops.Rope rope(Scene scene) {
        var frequencies = new float[1][rotaryDim / 2];
        for (int j = 0; j < rotaryDim / 2; j++) {
            frequencies[0][j] = (float) Math.pow(10_000, -2.0 * j / rotaryDim);
        }
        return new Ops.Rope(scene.numbers(DType.F32, frequencies, rotaryDim / 2, rotaryDim / 2), rotaryDim, 1.25f);
    }

    private float[][] attend(Scene scene, StepInputs in, KvCache cache, Ops.Rope rope) {
        int q = heads * headDim;
        int k = kvHeads * headDim;
        Tensor out = scene.out(in.tokens(), q, scene.outStride(q, 2));
        var call = new Ops.Attend(
                0,
                scene.inputs(in.tokens(), q, scene.stride(q, 5)),
                scene.inputs(in.tokens(), k, scene.stride(k, 1)),
                scene.inputs(in.tokens(), k, scene.stride(k, 0)),
                out,
                headDim,
                (float) (1 / Math.sqrt(headDim)),
                window,
                in,
                cache);
        scene.device().ops().rotaryAttention(call, rope);
        return scene.read(out);
    }
}
