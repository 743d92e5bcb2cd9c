package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Order;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The first half of attention of sequences that share prefixes, {@code prefix_attention.cu}: each group's prefix is read
 * once for all members. Its partial results wait in memory of this class for the decode kernel, which attends to the rest.
 */
final class PrefixAttention implements AutoCloseable {
    private static final int THREADS = 128;
    private static final int TILE_ROWS = 64;
    private static final int MOST_STAGES = 3;
    private static final int MOST_THREADS = 2048;

    /** Of each block's shared memory, for the driver. */
    private static final int SYSTEM_SHARED_BYTES = 1024;

    private final Driver driver;
    private final OwnMemory memory;
    private final AttentionShape shape;
    private final Program program;
    private final int blockKeys;
    private final int stages;
    private final long plan;
    private final int most;
    private final int mostBlocks;
    private final int leastMembers;
    private @Nullable Partials partials;
    private int blocks;

    private record Partials(long values, long scales) {}

    PrefixAttention(Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits) {
        this.driver = driver;
        this.memory = memory;
        this.shape = shape;
        leastMembers = limits.leastSharing();
        most = limits.sequences();
        int d = shape.headDim();
        blockKeys = d <= 64 ? 64 : d <= 128 ? 32 : 16;
        int room = driver.properties().sharedBytesPerBlock();
        int fitting = MOST_STAGES;
        while (fitting > 1 && sharedBytes(fitting, limits.sequences()) > room) {
            fitting--;
        }
        stages = driver.properties().computeCapability() >= 80 ? fitting : 1;
        Map<String, Object> defines = shape.defines();
        defines.put("KV_HEADS", shape.kvHeads());
        defines.put("BLOCK", blockKeys);
        defines.put("STAGES", stages);
        program = Sources.program("prefix_attention.cu", defines);
        plan = memory.take(4L * most + 4, "prefixes of attention");
        mostBlocks = mostBlocks(driver.properties(), sharedBytes(stages, most));
    }

    /** Takes the memory of partial results, which the first step that reads a prefix takes else. */
    void take() {
        partials();
    }

    private Partials partials() {
        Partials there = partials;
        if (there == null) {
            long tiles = (long) most * shape.group() / TILE_ROWS + most / leastMembers + 1;
            long rows = (mostBlocks + tiles * shape.kvHeads()) * TILE_ROWS;
            there = new Partials(
                    memory.take(rows * shape.headDim() * 4, "partial results of prefixes"),
                    memory.take(rows * 8, "partial results of prefixes"));
            partials = there;
        }
        return there;
    }

    private int sharedBytes(int ofStages, int sequences) {
        return (TILE_ROWS + ofStages * 2 * blockKeys) * 2 * (shape.headDim() + 8) + 4 * sequences;
    }

    List<Program> programs() {
        return List.of(program);
    }

    /** As many as shared memory lets run at once; registers may let fewer. */
    private static int mostBlocks(DeviceProperties device, int sharedBytes) {
        int room = device.sharedBytesPerBlock() + SYSTEM_SHARED_BYTES; // of a multiprocessor
        return device.multiprocessors()
                * Math.clamp(room / (sharedBytes + SYSTEM_SHARED_BYTES), 1, MOST_THREADS / THREADS);
    }

    /** Blocks of a launch: those that run at once, each of which has room for its partial results. */
    private int blocks() {
        int known = blocks;
        if (known == 0) {
            Kernel kernel = driver.kernel(program, "prefix_attention");
            int each = driver.blocksPerMultiprocessor(kernel, THREADS, sharedBytes(stages, most));
            known = Math.clamp((long) driver.properties().multiprocessors() * each, 1, mostBlocks);
            blocks = known;
        }
        return known;
    }

    /** What the kernels read of prefixes and their partial results: {@code struct Prefixes}. */
    Arguments fields(Arguments to, PrefixArrays prefixes) {
        Partials there = partials();
        return prefixes.fields(to).pointer(there.values).pointer(there.scales).pointer(plan);
    }

    void launch(Stream stream, AttentionCall call, StepArrays step, PrefixArrays prefixes) {
        Arguments to = Arguments.of()
                .pointer(call.q().address())
                .pointer(call.cache().k())
                .pointer(call.cache().v());
        Arguments fields =
                step.step(fields(to, prefixes)).int32(call.q().stride()).int32(0);
        Launch launch = Launch.of(blocks(), THREADS)
                .shared(sharedBytes(stages, step.sequences()))
                .order(Order.DEPENDENT);
        driver.launch(
                stream,
                driver.kernel(program, "prefix_attention"),
                launch,
                Arguments.of().struct(shape.factors(fields, call.scale())));
    }

    @Override
    public void close() {
        driver.free(plan);
        Partials there = partials;
        if (there != null) {
            driver.free(there.values);
            driver.free(there.scales);
        }
    }
}
