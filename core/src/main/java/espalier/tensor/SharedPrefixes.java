package espalier.tensor;

/**
 * Groups of a step's sequences that begin with the same pages of the cache, so that attention may read those once for
 * all members of a group (cascade attention). All I32 [1, sequences], at addresses that a recorded step may keep. Every
 * member has one row in the step, and positions of its own behind the prefix.
 *
 * @param lengths positions of the prefix of each sequence's group; 0 for a sequence of none
 * @param groups of each sequence; -1 for none
 * @param places of each sequence among the members of its group
 * @param members sequences, group after group
 * @param firstPlaces where each group begins in {@code members}; behind the last group the number of members
 */
public record SharedPrefixes(Tensor lengths, Tensor groups, Tensor places, Tensor members, Tensor firstPlaces) {

    /**
     * From where on it pays to read a prefix once.
     *
     * @param sequences that share it, at least
     * @param positions of it, at least
     * @param saved positions that all groups of a step together need not read, at least
     */
    public record Least(int sequences, int positions, int saved) {
        /** It never pays. */
        public static final Least NEVER = new Least(Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE);

        public Least {
            if (sequences < 2 || positions < 1) {
                throw new IllegalArgumentException(
                        "a prefix of " + positions + " positions shared by " + sequences + " sequences");
            }
        }
    }
}
