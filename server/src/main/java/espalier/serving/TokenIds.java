package espalier.serving;

import espalier.api.RequestRejected;
import espalier.base.Tokens;

/** Prompts that come as ids. */
public final class TokenIds {
    private TokenIds() {}

    /** Checks that every id is in the vocabulary; {@code path} is where they were found. */
    public static Tokens checked(int[] ids, int vocabSize, String path) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabSize) {
                throw RequestRejected.invalid(
                        path,
                        path + "[" + i + "]: " + ids[i] + " is not in the vocabulary of " + vocabSize + " tokens");
            }
        }
        return Tokens.of(ids);
    }
}
