package espalier.cuda.kernel;

import espalier.api.TokenLogprobs;
import espalier.base.Tokens;
import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Dim;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.step.SamplingBatch;
import espalier.step.StepResult;
import espalier.tensor.DType;
import espalier.tensor.Sampler;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Chooses tokens on the device ({@code sample.cuh}), as {@link espalier.tensor.host.HostSampler} does on the host: the same
 * seed draws the same token, but for draws within 2^-29 of a border. A token chosen stays on the device, where the next
 * step reads it; the host sees it when it asks for the {@link #result}.
 *
 * <p>Owns device memory: the last token of each seat, the counts for penalties (16 bits a seat and id), the orders of a
 * step and its outcome. All of it is allocated here. There is room for the orders of a step in which every row has a mask and
 * one has the longest of all other lists; rows beyond are sampled by a second round of launches, and so on. (Only a single
 * row that names more ids than there are makes room anew.) One step may be prepared while the one before is under way. One
 * thread uses it.
 */
public final class DeviceSampler implements AutoCloseable {
    private static final int CHUNK = 4096;
    private static final int THREADS = 256;
    private static final int PICK_THREADS = 512;
    private static final int PARTIAL_BYTES = 16;
    private static final int RESULT_BYTES = 24;
    private static final int ALTERNATIVE_BYTES = 8;
    private static final int LISTED_BYTES = 8 * CHUNK;
    private static final int MASK_BITS = 64;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    private final Driver driver;
    private final Stream stream;
    private final int seats;
    private final int vocab;
    private final int chunks;
    private final int countsStride;
    private final long lastTokens;
    private final long counts;
    private final long partials;
    private final long sums;
    private final long rawSums;
    private final Outcome[] outcomes;
    private final long[] slabs = new long[2];
    private final MemorySegment[] staging = new MemorySegment[2];
    private final Kernel history;
    private final Kernel greatest;
    private final Kernel weigh;
    private final Kernel pick;
    private int turn;
    private @Nullable Outcome newest;

    public DeviceSampler(Driver driver, Stream stream, Sampler.Size size) {
        this(driver, stream, size, ordersBytes(size));
    }

    /** @param ordersBytes room for the orders of rows that are sampled at once */
    DeviceSampler(Driver driver, Stream stream, Sampler.Size size, long ordersBytes) {
        this.driver = driver;
        this.stream = stream;
        this.seats = size.seats();
        this.vocab = size.vocab();
        this.chunks = Math.ceilDiv(vocab, CHUNK);
        this.countsStride = Math.ceilDiv(vocab, 8) * 8;
        Program chunkwise = Sources.program("sample_weigh.cu", Map.of());
        this.history = driver.kernel(chunkwise, "sample_history");
        this.greatest = driver.kernel(chunkwise, "sample_max");
        this.weigh = driver.kernel(chunkwise, "sample_weigh");
        this.pick = driver.kernel(Sources.program("sample_pick.cu", Map.of()), "sample_pick");
        this.lastTokens = zeros(4L * seats);
        this.counts = zeros(2L * seats * countsStride);
        this.partials = zeros((long) PARTIAL_BYTES * seats * chunks);
        this.sums = zeros(8L * seats * chunks);
        this.rawSums = zeros(8L * seats * chunks);
        this.outcomes = new Outcome[] {new Outcome(), new Outcome()};
        makeRoom(0, ordersBytes);
        makeRoom(1, ordersBytes);
    }

    /** Device memory that a sampler takes. */
    public static long deviceBytes(Sampler.Size size) {
        int vocab = size.vocab();
        long perChunk = PARTIAL_BYTES + 2L * Long.BYTES;
        long perSeat = 4 + 2L * Math.ceilDiv(vocab, 8) * 8 + perChunk * Math.ceilDiv(vocab, CHUNK);
        return size.seats() * (perSeat + 2 * Outcome.BYTES_PER_ROW) + 2 * ordersBytes(size);
    }

    /** A mask for every row; for one of them a whole sequence's history, and each id barred and with a bias. */
    private static long ordersBytes(Sampler.Size size) {
        long row = SamplingOrders.ROW_BYTES + 8L * Math.ceilDiv(size.vocab(), MASK_BITS);
        return size.seats() * row + 4L * size.longest() + 12L * size.vocab();
    }

    /** I32, one a seat: the token that was chosen last, 0 where none could be. */
    public long lastTokens() {
        return lastTokens;
    }

    private long zeros(long bytes) {
        long at = driver.allocate(bytes, "sampling");
        driver.fill(stream, at, 0, Math.ceilDiv(bytes, 4));
        return at;
    }

    private void makeRoom(int slab, long bytes) {
        MemorySegment old = staging[slab];
        if (old != null) {
            driver.synchronize(stream);
            driver.free(slabs[slab]);
            driver.freePinned(old);
        }
        slabs[slab] = driver.allocate(bytes, "sampling");
        staging[slab] = driver.allocatePinned(bytes);
    }

    /** What a step chose: results, then alternatives of the rows; on the device and, after a copy, on the host. */
    private final class Outcome {
        static final long BYTES_PER_ROW =
                RESULT_BYTES + (long) ALTERNATIVE_BYTES * espalier.api.SamplingParams.MAX_LOGPROBS;

        final long device = zeros(seats * BYTES_PER_ROW);
        final MemorySegment host = driver.allocatePinned(seats * BYTES_PER_ROW);
        final Event copied = driver.openEvent(Event.Kind.MARK);
        SamplingBatch how = new SamplingBatch(0, List.of());
        int alternatives;
        boolean scored;

        void begin(SamplingBatch next) {
            how = next;
            int most = -1;
            for (SamplingBatch.Row row : next.rows()) {
                most = Math.max(most, row.params().logprobs());
            }
            alternatives = Math.max(0, most);
            scored = most >= 0;
        }

        /** Where the device writes the results of the rows from {@code row} on. */
        long results(int row) {
            return device + (long) row * RESULT_BYTES;
        }

        /** Likewise their alternatives. */
        long alternatives(int row) {
            return results(how.rows().size()) + (long) row * alternatives * ALTERNATIVE_BYTES;
        }

        StepResult read() {
            driver.await(copied);
            int rows = how.rows().size();
            var tokens = new int[rows];
            List<@Nullable TokenLogprobs> logprobs = Collections.nCopies(rows, null);
            if (scored) {
                logprobs = new ArrayList<>(logprobs);
            }
            for (int i = 0; i < rows; i++) {
                tokens[i] = host.get(INT, (long) i * RESULT_BYTES);
                int wanted = how.rows().get(i).params().logprobs();
                if (wanted >= 0 && tokens[i] >= 0) {
                    logprobs.set(i, logprobs(i, Math.min(wanted, vocab)));
                }
            }
            return new StepResult(how.number(), tokens, logprobs);
        }

        private TokenLogprobs logprobs(int row, int wanted) {
            long at = (long) row * RESULT_BYTES;
            double logSum = host.get(ValueLayout.JAVA_FLOAT, at + 8)
                    + Math.log(host.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 16) * 0x1p-45);
            long from = (long) how.rows().size() * RESULT_BYTES + (long) row * alternatives * ALTERNATIVE_BYTES;
            var ids = new int[wanted];
            var values = new float[wanted];
            for (int i = 0; i < wanted; i++) {
                ids[i] = host.get(INT, from + (long) i * ALTERNATIVE_BYTES);
                values[i] =
                        (float) (host.get(ValueLayout.JAVA_FLOAT, from + (long) i * ALTERNATIVE_BYTES + 4) - logSum);
            }
            float chosen = (float) (host.get(ValueLayout.JAVA_FLOAT, at + 4) - logSum);
            return new TokenLogprobs(chosen, Tokens.of(ids), values);
        }
    }

    /** Queues the choice of one token for each row of {@code logits}, F32 [rows, vocab]. */
    public void sample(View logits, SamplingBatch how) {
        int rows = how.rows().size();
        logits.require("logits", rows, vocab);
        logits.require("logits", DType.F32);
        if (rows > seats) {
            throw new IllegalArgumentException(rows + " rows for " + seats + " seats");
        }
        turn = 1 - turn;
        Outcome outcome = outcomes[turn];
        outcome.begin(how);
        int from = 0;
        while (from < rows) {
            int to = fitting(how.rows(), from);
            if (from > 0) { // what was staged has been sent
                driver.synchronize(stream);
            }
            var orders = new SamplingOrders(how.rows().subList(from, to), seats, vocab);
            MemorySegment packed = staging[turn].asSlice(0, orders.bytes());
            orders.write(packed);
            driver.upload(stream, packed, slabs[turn]);
            launch(logits.rows(from, to - from), orders, outcome, from);
            from = to;
        }
        long bytes = (long) rows * (RESULT_BYTES + (long) ALTERNATIVE_BYTES * outcome.alternatives);
        driver.download(stream, outcome.device, outcome.host.asSlice(0, bytes));
        driver.record(outcome.copied, stream);
        newest = outcome;
    }

    /** The end of the rows from {@code from} on whose orders the slab holds together. */
    private int fitting(List<SamplingBatch.Row> rows, int from) {
        long left = staging[turn].byteSize();
        int to = from;
        while (to < rows.size() && SamplingOrders.bytes(rows.get(to)) <= left) {
            left -= SamplingOrders.bytes(rows.get(to++));
        }
        if (to == from) {
            makeRoom(turn, SamplingOrders.bytes(rows.get(to++)));
        }
        return to;
    }

    /** Chooses for the rows of {@code orders}, which are those of the step from {@code first} on. */
    private void launch(View logits, SamplingOrders orders, Outcome outcome, int first) {
        int rows = orders.rows();
        int wide = logits.isWide() ? 1 : 0;
        if (orders.hasHistory()) {
            Arguments args = Arguments.of()
                    .pointer(slabs[turn])
                    .pointer(counts)
                    .int32(countsStride)
                    .int32(vocab);
            queue(history, Launch.of(rows, THREADS), args);
        }
        Launch everyChunk = Launch.of(Dim.of(chunks, rows), Dim.of(THREADS));
        queue(greatest, everyChunk, read(logits).pointer(partials).int32(wide));
        if (orders.weighs()) {
            queue(
                    weigh,
                    everyChunk,
                    read(logits)
                            .pointer(partials)
                            .pointer(sums)
                            .pointer(rawSums)
                            .int32(wide));
        }
        Arguments args =
                read(logits).pointer(partials).pointer(sums).pointer(rawSums).int32(chunks);
        args.pointer(lastTokens).pointer(outcome.results(first)).pointer(outcome.alternatives(first));
        args.int32(outcome.alternatives).int32(wide);
        int shared = orders.weighs() ? LISTED_BYTES + Math.ceilDiv(vocab, 32) * 4 : 0;
        queue(pick, Launch.of(rows, PICK_THREADS).shared(shared), args);
    }

    private Arguments read(View logits) {
        Arguments args =
                Arguments.of().pointer(logits.address()).int32(logits.stride()).int32(vocab);
        return args.pointer(slabs[turn]).pointer(counts).int32(countsStride);
    }

    private void queue(Kernel kernel, Launch launch, Arguments args) {
        driver.launch(stream, kernel, launch.order(Launch.Order.DEPENDENT), args);
    }

    /** The outcome of the newest {@link #sample}; waits for it. */
    public StepResult result() {
        Outcome outcome = newest;
        if (outcome == null) {
            throw new IllegalStateException("nothing has been sampled yet");
        }
        return outcome.read();
    }

    @Override
    public void close() {
        driver.synchronize(stream);
        for (long at : new long[] {lastTokens, counts, partials, sums, rawSums, slabs[0], slabs[1]}) {
            driver.free(at);
        }
        for (int i = 0; i < outcomes.length; i++) {
            driver.freePinned(staging[i]);
            driver.freePinned(outcomes[i].host);
            driver.free(outcomes[i].device);
            driver.closeEvent(outcomes[i].copied);
        }
    }
}
