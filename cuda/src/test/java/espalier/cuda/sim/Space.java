package espalier.cuda.sim;

/**
 * State spaces (PTX ISA 5.1) and where each lies among the generic addresses (5.1, "Generic Addressing"). The bases are
 * chosen so that an address that is used in the wrong space, without its cvta, or cut to 32 bits lies outside all memory.
 */
enum Space {
    GLOBAL(0),
    SHARED(0x6000_4000_0000L),
    LOCAL(0x5000_8000_0000L),
    PARAM(0x2000_2000_0000L),
    /** Any of them: the address says which. */
    GENERIC(0);

    /** Bytes of each window but that of global memory. */
    private static final long WINDOW = 1L << 28;

    private static final Space[] WINDOWS = {SHARED, LOCAL, PARAM};

    final long base;

    Space(long base) {
        this.base = base;
    }

    static Space of(String name) {
        return switch (name) {
            case "global", "const" -> GLOBAL;
            case "shared", "shared::cta", "shared::cluster" -> SHARED;
            case "local" -> LOCAL;
            case "param", "param::entry", "param::func" -> PARAM;
            default -> throw new PtxParser.Unsupported("state space " + name);
        };
    }

    /** The space that a generic address lies in. */
    static Space of(long generic) {
        for (Space s : WINDOWS) {
            if (generic >= s.base && generic < s.base + WINDOW) {
                return s;
            }
        }
        return GLOBAL;
    }
}
