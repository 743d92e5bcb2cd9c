package espalier.base;

import java.util.Optional;

/** Finds what somebody probably meant: the candidate at the smallest edit distance, if it is near enough to be a slip. */
public final class Nearest {
    private Nearest() {}

    /** The candidate nearest to {@code word}, case ignored; none where even that one is more than a slip away. */
    public static Optional<String> to(String word, Iterable<String> candidates) {
        String best = null;
        int least = Math.max(1, word.length() / 4) + 1;
        for (String candidate : candidates) {
            if (Math.abs(candidate.length() - word.length()) < least) {
                int distance = distance(word.toLowerCase(java.util.Locale.ROOT), candidate, least);
                if (distance < least) {
                    least = distance;
                    best = candidate;
                }
            }
        }
        return Optional.ofNullable(best);
    }

    /** {@code "; did you mean 'x'?"}, or nothing. */
    public static String hint(String word, Iterable<String> candidates) {
        return to(word, candidates)
                .map(near -> "; did you mean '" + near + "'?")
                .orElse("");
    }

    /**
     * Edits of one character, and swaps of two neighbours, that lead from {@code a} to {@code b} (optimal string alignment:
     * Damerau, 1964, as Boytsov, 2011, restricts it); {@code limit} where there are as many or more.
     */
    private static int distance(String a, String b, int limit) {
        int[][] rows = new int[a.length() + 1][b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            rows[0][j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            rows[i][0] = i;
            int least = i;
            for (int j = 1; j <= b.length(); j++) {
                char x = a.charAt(i - 1);
                char y = Character.toLowerCase(b.charAt(j - 1));
                int edits = Math.min(rows[i - 1][j], rows[i][j - 1]) + 1;
                edits = Math.min(edits, rows[i - 1][j - 1] + (x == y ? 0 : 1));
                boolean swapped = i > 1 && j > 1 && x == Character.toLowerCase(b.charAt(j - 2)) && a.charAt(i - 2) == y;
                rows[i][j] = swapped ? Math.min(edits, rows[i - 2][j - 2] + 1) : edits;
                least = Math.min(least, rows[i][j]);
            }
            if (least >= limit) {
                return limit;
            }
        }
        return Math.min(limit, rows[a.length()][b.length()]);
    }
}
