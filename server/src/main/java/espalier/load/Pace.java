package espalier.load;

/**
 * How requests arrive.
 *
 * @param requestsPerSecond infinite sends all at once; else the gaps are exponential (a Poisson process)
 * @param atOnce most requests under way; the next waits for one to end
 */
public record Pace(double requestsPerSecond, int atOnce, long seed) {}
