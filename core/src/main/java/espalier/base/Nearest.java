package espalier.base;

import java.util.Optional;

/** Finds what somebody probably meant: the candidate at the smallest edit distance, if it is near enough to be a slip. */
public final class Nearest {
    private Nearest() {}

    /** The candidate nearest to {@code word}, case ignored; none where even that one differs in over a third. */
    public static Optional<String> to(String word, Iterable<String> candidates) {
        String best = null;
        int least = Math.max(2, word.length() / 3) + 1;
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

    /** Levenshtein's distance by two rows; gives up at {@code limit}. */
    private static int distance(String a, String b, int limit) {
        int[] above = new int[b.length() + 1];
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            above[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            row[0] = i;
            int least = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = a.charAt(i - 1) == Character.toLowerCase(b.charAt(j - 1)) ? 0 : 1;
                row[j] = Math.min(Math.min(row[j - 1], above[j]) + 1, above[j - 1] + change);
                least = Math.min(least, row[j]);
            }
            if (least >= limit) {
                return limit;
            }
            int[] swap = above;
            above = row;
            row = swap;
        }
        return above[b.length()];
    }
}
