package espalier.chat;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds stop strings in text that arrives in pieces, and holds back what may be the beginning of one.
 *
 * <p>Of several strings the one that is complete first wins; of those complete at the same character, the longest.
 */
final class StopMatcher {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private @Nullable String matched;

    StopMatcher(List<String> stops) {
        this.stops = stops;
    }

    /** Takes {@code piece}; gives the text that can be shown now. After a match: what stands before the stop string. */
    String append(String piece) {
        if (stops.isEmpty()) {
            return piece;
        }
        held.append(piece);
        int end = firstEnd();
        if (matched != null) {
            String shown = held.substring(0, end - matched.length());
            held.setLength(0);
            return shown;
        }
        int keep = longestBeginning();
        String shown = held.substring(0, held.length() - keep);
        held.delete(0, held.length() - keep);
        return shown;
    }

    /** What was held back, when nothing more comes. */
    String finish() {
        String rest = held.toString();
        held.setLength(0);
        return rest;
    }

    /** The stop string that was found. */
    @Nullable
    String matched() {
        return matched;
    }

    private int firstEnd() {
        int best = Integer.MAX_VALUE;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            int end = at + stop.length();
            if (at >= 0 && (end < best || (end == best && matched != null && stop.length() > matched.length()))) {
                best = end;
                matched = stop;
            }
        }
        return best;
    }

    private int longestBeginning() {
        int longest = 0;
        for (String stop : stops) {
            for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
                if (endsWithBeginning(stop, n)) {
                    longest = n;
                }
            }
        }
        return longest;
    }

    private boolean endsWithBeginning(String stop, int n) {
        int from = held.length() - n;
        for (int i = 0; i < n; i++) {
            if (held.charAt(from + i) != stop.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
