package espalier.tensor;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** One place where tensors live and ops run; one rank of a tensor-parallel group. Not shared between threads. */
public interface Device extends AutoCloseable {
    String name();

    /** Lines for the log of a start: what there is to say before weights are read. */
    default List<String> remarks() {
        return List.of();
    }

    /** Threads of the host that compute its ops; 0 where it computes by itself. */
    default int threads() {
        return 0;
    }

    /** What multiplies by {@code stored}, a matrix that is not stacked, in words for a person; empty where there is but one way. */
    default String kernels(Matrix stored) {
        return "";
    }

    /** Lines for the log once the weights are prepared: their formats, by what each is multiplied, and why. */
    default List<String> weightRemarks() {
        return List.of();
    }

    Ops ops();

    /** Zeroed memory; pages that are never written need not be backed. */
    Buffer allocate(long bytes);

    /**
     * Told before any {@link #place}: so many bytes of weights will come, as they lie here once they are prepared; a device
     * that does not ask spares whoever counts them.
     */
    default void expectWeights(LongSupplier bytes) {}

    /**
     * A buffer with the contents of {@code bytes}, which stay unchanged and alive as long as the device: a host device
     * adopts them without a copy.
     */
    Buffer place(MemorySegment bytes);

    /** What ops read weight matrices as. */
    enum Matrices {
        /** As a checkpoint has them: numbers of any type, blocks of any format. */
        AS_STORED,
        /** In the type of the activations: while a model is loaded, whatever is stored otherwise is written out so. */
        AS_ACTIVATIONS
    }

    default Matrices matrices() {
        return Matrices.AS_STORED;
    }

    /**
     * Random weights made on the device, as {@code --load-format dummy} wants them: uniform in [-bound, bound), two
     * elements a draw of SplitMix64 from {@code seed}. Null where it makes none, and the host does.
     */
    default @Nullable Buffer placeUniform(DType dtype, long count, long seed, float bound) {
        return null;
    }

    /**
     * The form of a weight matrix that products read fastest: a copy in another order, or the matrix itself where there
     * is none better. Called once for each matrix while a model is loaded.
     *
     * @param after what becomes of the stored numbers
     */
    default Matrix prepare(Matrix stored, Matrix.Stored after) {
        return stored;
    }

    /**
     * As {@link #prepare}, for the matrix whose products are logits: F32, and of few rows at once, those that are sampled
     * from.
     */
    default Matrix prepareHead(Matrix stored, Matrix.Stored after) {
        return prepare(stored, after);
    }

    /**
     * Bytes that {@link #prepare} would take for its copy, 0 where it would make none. Looks at shapes and formats
     * alone: the matrix may have no memory behind it.
     */
    default long preparedBytes(Matrix stored) {
        return 0;
    }

    /** Queues a copy of {@code from}, which is read before this returns. */
    void upload(MemorySegment from, Buffer to, long toOffset);

    /** Waits for everything queued before, then copies. */
    void download(Buffer from, long fromOffset, MemorySegment to);

    KvCache kvCache(KvCache.Shape shape);

    Sampler sampler(Sampler.Size size);

    Collective collective();

    /** Whether ops return before they have run, so that the host should queue the next step before it waits. */
    default boolean runsAhead() {
        return false;
    }

    /**
     * Which steps of one row a sequence are worth recording, up to {@code most}, the smallest first. A device that records
     * nothing, since its calls cost the host nothing, names none.
     */
    default List<Recorded> recordedSteps(Recorded most) {
        return List.of();
    }

    /**
     * Gets ready for every step that a model's passes may need, before the first of them: a device that compiles kernels
     * compiles them here, so that none is compiled while it serves.
     *
     * @param mostRows of a step
     * @param pass calls a pass of one row on ops that need not compute
     */
    default void rehearse(int mostRows, Consumer<Ops> pass) {}

    /**
     * Bytes of its memory that {@link #rehearse} takes for its ops, so that serving takes none.
     *
     * @param pass calls the largest step on ops that need not compute: no tensor has memory behind it, and matrices are as they
     *     are stored
     */
    default long scratchBytes(int mostRows, Consumer<Ops> pass) {
        return 0;
    }

    /**
     * Steps that are run, not recorded, with sequences of no positions before the first request, up to {@code most}: those at
     * which the device compiles kernels and takes memory.
     */
    default List<Recorded> firstSteps(Recorded most) {
        return List.of();
    }

    /**
     * A recorded step serves every step that is no larger.
     *
     * @param longest no sequence has more positions
     * @param prefixes whether it reads {@link SharedPrefixes}
     */
    record Recorded(int sequences, int longest, Prefixes prefixes) {
        /** Whose sequences are read by themselves. */
        public Recorded(int sequences, int longest) {
            this(sequences, longest, Prefixes.OWN);
        }

        /** The same with prefixes that sequences share. */
        public Recorded sharing() {
            return new Recorded(sequences, longest, Prefixes.SHARED);
        }
    }

    /** Whether sequences of a step are read by themselves or as groups. */
    enum Prefixes {
        OWN,
        SHARED
    }

    /**
     * Runs {@code calls}, which queue the same ops on the same memory whenever {@code step} is the same, one of {@link
     * #recordedSteps} or its {@link Recorded#sharing}: a device may record them the first time and then repeat what it
     * recorded without them.
     */
    default void replay(Recorded step, Runnable calls) {
        calls.run();
    }

    /** From where on attention gains by {@link SharedPrefixes}. */
    default SharedPrefixes.Least sharedPrefixes() {
        return SharedPrefixes.Least.NEVER;
    }

    /** A clock that tells when this device came past points of its queue; marks of earlier ones are lost. */
    default DeviceClock clock(int slots) {
        return DeviceClock.immediate(slots);
    }

    /** What to take where nobody says. */
    default Defaults defaults() {
        return Defaults.HOST;
    }

    /**
     * Numbers that suit a kind of device.
     *
     * @param sequences that run at once
     * @param prefillTokens of one step, at most
     * @param enoughPrefillTokens from which on a step reads prompts hardly faster
     * @param leastPrefillTokens that fill the device beside sequences that decode
     * @param fullRows of a long step, prompts and decoding sequences together, that leave nothing of the device idle at the end of
     *     a product, as multiples of {@code enoughPrefillTokens} nearly do; 0 where any number does
     * @param cache how much memory the KV cache gets
     */
    record Defaults(
            int sequences,
            int prefillTokens,
            int enoughPrefillTokens,
            int leastPrefillTokens,
            int fullRows,
            CacheShare cache) {
        /**
         * More sequences would only share the same arithmetic; prompts are read in pieces that are bound by arithmetic but
         * let decoding sequences keep their pace; the rest of the memory is the page cache's and other programs'.
         */
        public static final Defaults HOST = new Defaults(64, 512, 512, 32, 0, new CacheShare.OfRest(0.4));
    }

    /** What the KV cache gets of the memory that is available before the weights, where nobody says. */
    sealed interface CacheShare {
        /** A share of what weights and the largest step leave. */
        record OfRest(double share) implements CacheShare {}

        /**
         * All but the weights and a reserve, which is what the largest step takes and {@code besides}, or {@code least} where
         * that is more.
         */
        record AllBut(long besides, long least) implements CacheShare {}

        /** Bytes, none where nothing is left. */
        default long bytes(long available, long weights, long step) {
            long all = switch (this) {
                case OfRest(double share) -> (long) ((available - weights - step) * share);
                case AllBut(long besides, long least) -> available - weights - Math.max(step + besides, least);
            };
            return Math.max(0, all);
        }
    }

    /**
     * Positions of all sequences together for which it has room in tables and workspaces where nobody says how many
     * sequences may run at once: fewer run then where each may be long.
     */
    default long mostPositions() {
        return Long.MAX_VALUE;
    }

    /** Bytes of its memory that {@link #sampler} would take. */
    default long samplerBytes(Sampler.Size size) {
        return 4L * size.seats();
    }

    /**
     * Bytes of its memory that it takes besides for its ops, once and for all: what attention and products keep between their
     * kernels, and what is lost between allocations.
     *
     * @param most no step has more sequences, none of them more positions
     * @param attending the kinds of attention of the model
     */
    default long ownBytes(Recorded most, Set<Ops.Attending> attending) {
        return 0;
    }

    /** Bytes that may still be allocated, as far as the device can tell. */
    long availableBytes();

    @Override
    void close();
}
