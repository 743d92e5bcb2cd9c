package espalier.cuda.cases;

import espalier.cuda.kernel.AttentionShape;
import espalier.cuda.kernel.Rotation;
import espalier.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Attention at many shapes, small enough for the simulator. */
public final class AttentionCases {
    private AttentionCases() {}

    public static List<KernelCase> all() {
        var cases = new ArrayList<KernelCase>();
        AttentionShape llama = bf16(8, 2, 128);
        for (int page : new int[] {1, 16}) {
            cases.add(AttentionCase.decode(llama, page, 64, 65, 0, 130));
            cases.add(AttentionCase.decode(llama, page, 1100, 5));
            cases.add(AttentionCase.prefill(llama, page, 0, new int[] {40, 6}, new int[] {190, 22}));
            cases.add(AttentionCase.mixed(llama, page, new int[] {1, 33, 1}, new int[] {70, 43, 9}));
        }
        cases.add(AttentionCase.prefill(bf16(4, 1, 128), 1, 0, new int[] {140, 5}, new int[] {140, 5}));
        cases.add(AttentionCase.prefill(bf16(4, 1, 64), 1, 0, new int[] {140, 5}, new int[] {140, 5}));
        cases.add(new RotatingDecodeCase(llama, 1, 1, 130, 0, 300));
        cases.add(new RotatingDecodeCase(llama, 16, 1, 130, 0, 16, 1100, 17));
        cases.add(new RotatingDecodeCase(bf16(16, 1, 128), 16, 128, 129, 16, 257));
        cases.add(new RotatingDecodeCase(fp16(6, 2, 64), 3, 17));
        for (AttentionShape shape : List.of(
                fp16(4, 2, 16),
                bf16(3, 3, 32),
                fp16(6, 1, 64),
                bf16(9, 3, 64),
                bf16(7, 1, 128),
                fp16(16, 1, 128),
                bf16(16, 16, 64),
                bf16(5, 5, 80),
                fp16(24, 2, 80),
                bf16(4, 2, 96),
                fp16(40, 1, 64),
                bf16(2, 1, 256))) {
            cases.add(AttentionCase.decode(shape, 3, 300, 0, 17));
            cases.add(AttentionCase.prefill(shape, 3, 0, new int[] {9, 40}, new int[] {9, 90}));
        }
        AttentionShape tiny = fp16(4, 2, 16);
        cases.add(AttentionCase.mixed(tiny, 1, new int[] {1, 33, 1}, new int[] {70, 43, 9}));
        for (AttentionShape shape : List.of(tiny, bf16(4, 1, 64))) {
            cases.add(AttentionCase.prefill(shape, 1, 12, new int[] {40, 6}, new int[] {190, 22}));
            cases.add(AttentionCase.prefill(shape, 4, 150, new int[] {1, 2}, new int[] {600, 2}));
            cases.add(AttentionCase.mixed(shape, 1, new int[] {1, 3}, new int[] {600, 9})
                    .window(130));
        }
        for (AttentionShape capped :
                List.of(new AttentionShape(4, 2, 64, DType.BF16, 5), new AttentionShape(4, 2, 16, DType.F16, 5))) {
            cases.add(AttentionCase.decode(capped, 1, 300, 17));
            cases.add(AttentionCase.prefill(capped, 1, 0, new int[] {9, 40}, new int[] {9, 90}));
        }
        cases.add(AttentionCase.prefill(bf16(4, 1, 128), 1, 0, new int[] {9}, new int[] {300})
                .farApart());
        for (AttentionShape shape : List.of(bf16(4, 1, 64), fp16(6, 1, 64))) {
            cases.add(AttentionCase.prefill(shape, 16, 0, new int[] {7}, new int[] {300})
                    .farApart());
            cases.add(AttentionCase.prefill(shape, 3, 100, new int[] {150}, new int[] {150})
                    .farApart());
        }
        cases.addAll(prefixes());
        cases.add(new RotationCase(bf16(8, 2, 128), 128, Rotation.Pairs.HALVES));
        cases.add(new RotationCase(fp16(4, 2, 16), 16, Rotation.Pairs.HALVES));
        cases.add(new RotationCase(fp16(3, 3, 80), 32, Rotation.Pairs.NEIGHBOURS));
        cases.add(new RotationCase(fp16(3, 3, 80), 32, Rotation.Pairs.HALVES));
        cases.add(new RotationCase(bf16(3, 3, 80), 20, Rotation.Pairs.HALVES));
        cases.addAll(timings());
        return cases;
    }

    /** Groups of several tiles and of a part of one, sections of one length and cut, sequences of no group among them. */
    private static List<KernelCase> prefixes() {
        var cases = new ArrayList<KernelCase>();
        AttentionShape llama = bf16(8, 2, 128);
        for (int page : new int[] {1, 16}) {
            cases.add(PrefixAttentionCase.of(llama, page, 304, 19));
            cases.add(PrefixAttentionCase.of(llama, page, 1104, 3));
        }
        for (AttentionShape shape : List.of(
                fp16(4, 2, 16),
                bf16(4, 1, 64),
                bf16(7, 1, 128),
                fp16(6, 6, 64),
                fp16(10, 2, 80),
                fp16(40, 1, 64),
                bf16(2, 1, 256),
                new AttentionShape(4, 2, 64, DType.BF16, 5))) {
            cases.add(PrefixAttentionCase.of(shape, 3, 90, 5));
        }
        return cases;
    }

    /** The shapes of Llama-3.1-8B that the GPU table names, and their like. */
    private static List<KernelCase> timings() {
        AttentionShape llama = bf16(32, 8, 128);
        var cases = new ArrayList<KernelCase>();
        for (int page : new int[] {16, 1}) {
            cases.add(AttentionTiming.decode("64 x 4096", llama, page, many(64, 4096)));
            cases.add(AttentionTiming.decode("256 x 590", llama, page, many(256, 590)));
            cases.add(AttentionTiming.decode("64 x 1100", llama, page, many(64, 1100)));
            cases.add(AttentionTiming.decode("8 x 32768", llama, page, many(8, 32768)));
            cases.add(AttentionTiming.decode("1 x 4096", llama, page, many(1, 4096)));
            cases.add(AttentionTiming.prefill("16 x 128 over 2048", llama, page, many(16, 128), many(16, 2176)));
        }
        for (AttentionTiming.Reading reading : AttentionTiming.Reading.values()) {
            cases.add(AttentionTiming.shared(llama, 1, 16, new AttentionTiming.Sharing(16, 2048, reading), 160));
            cases.add(AttentionTiming.shared(llama, 1, 2, new AttentionTiming.Sharing(4, 2048, reading), 160));
            cases.add(AttentionTiming.shared(llama, 1, 1, new AttentionTiming.Sharing(64, 512, reading), 160));
        }
        cases.add(AttentionTiming.prefill("1 x 8192", llama, 1, many(1, 8192), many(1, 8192)));
        cases.add(AttentionTiming.prefill("16 x 2048", llama, 1, many(16, 2048), many(16, 2048)));
        int[] ragged = ragged();
        cases.add(AttentionTiming.prefill("ragged, 8192 tokens", llama, 1, ragged, ragged));
        return cases;
    }

    private static int[] many(int count, int value) {
        int[] all = new int[count];
        Arrays.fill(all, value);
        return all;
    }

    /** Log-normal lengths, as prompts have them, 8,192 tokens in all. */
    private static int[] ragged() {
        var random = new SplittableRandom(15);
        var lengths = new ArrayList<Integer>();
        int left = 8192;
        while (left > 0) {
            int n = (int) Math.clamp(Math.exp(Math.log(220) - 0.32 + 0.8 * random.nextGaussian()), 4, 2048);
            lengths.add(Math.min(n, left));
            left -= n;
        }
        return lengths.stream().mapToInt(n -> n).toArray();
    }

    static AttentionShape bf16(int heads, int kvHeads, int headDim) {
        return new AttentionShape(heads, kvHeads, headDim, DType.BF16);
    }

    static AttentionShape fp16(int heads, int kvHeads, int headDim) {
        return new AttentionShape(heads, kvHeads, headDim, DType.F16);
    }
}
