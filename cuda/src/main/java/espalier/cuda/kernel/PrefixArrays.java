package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;

/**
 * Device addresses of {@link espalier.tensor.SharedPrefixes}, an integer for each sequence of the step; kernels read them at
 * every launch.
 */
public record PrefixArrays(long lengths, long groups, long places, long members, long firstPlaces) {

    /** The first half of {@code struct Prefixes} of prefixes.cuh. */
    Arguments fields(Arguments to) {
        return to.pointer(lengths)
                .pointer(groups)
                .pointer(places)
                .pointer(members)
                .pointer(firstPlaces);
    }
}
