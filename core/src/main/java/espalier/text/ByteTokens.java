package espalier.text;

import java.nio.charset.StandardCharsets;

/** The tokens {@code <0x00>} to {@code <0xFF>} by which a vocabulary of characters spells any other character. */
final class ByteTokens {
    private ByteTokens() {}

    /** The ids of the 256 tokens, -1 where one is missing. */
    static int[] ids(Vocabulary vocabulary) {
        int[] ids = new int[256];
        for (int b = 0; b < ids.length; b++) {
            ids[b] = vocabulary.find(String.format(java.util.Locale.ROOT, "<0x%02X>", b));
        }
        return ids;
    }

    /** Appends the tokens of the text's bytes, or nothing and false where one is missing. */
    static boolean append(String text, int[] ids, Ids out) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (byte b : bytes) {
            if (ids[b & 0xFF] < 0) {
                return false;
            }
        }
        for (byte b : bytes) {
            out.add(ids[b & 0xFF]);
        }
        return true;
    }

    /** The byte that a token such as {@code <0x0A>} names, or -1. */
    static int unsignedByte(String token) {
        if (token.length() != 6 || !token.startsWith("<0x") || !token.endsWith(">")) {
            return -1;
        }
        // Both digits decide, and a sign is taken for a digit as in the reference's parser: "<0x+A>" is the byte 10.
        int high = Character.digit(token.charAt(3), 16);
        int low = Character.digit(token.charAt(4), 16);
        if (token.charAt(3) > 'f' || token.charAt(4) > 'f' || low < 0) {
            return -1;
        }
        return high >= 0 ? high << 4 | low : token.charAt(3) == '+' ? low : -1;
    }
}
