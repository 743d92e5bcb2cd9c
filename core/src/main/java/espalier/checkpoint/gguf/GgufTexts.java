package espalier.checkpoint.gguf;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The texts of an array, as bytes until somebody asks for one: a vocabulary and its merges have hundreds of thousands, which
 * the tokenizer reads while weights are loaded.
 */
final class GgufTexts {
    /** Each behind its length of 8 bytes, as in the file. */
    private final byte[] bytes;

    private final int[] starts;

    /** @param starts of the texts themselves */
    GgufTexts(byte[] bytes, int[] starts) {
        this.bytes = bytes;
        this.starts = starts;
    }

    int size() {
        return starts.length;
    }

    String get(int index) {
        int from = starts[index];
        int end = index + 1 < starts.length ? starts[index + 1] - Long.BYTES : bytes.length;
        return new String(bytes, from, end - from, StandardCharsets.UTF_8);
    }

    /** All of them, made anew each time. */
    List<String> toList() {
        var all = new ArrayList<String>(starts.length);
        for (int i = 0; i < starts.length; i++) {
            all.add(get(i));
        }
        return all;
    }

    @Override
    public String toString() {
        return starts.length + " texts";
    }
}
