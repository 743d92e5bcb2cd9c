package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
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

    private final Driver driver;
    private final AttentionShape shape;
    private final Program program;
    private final int blockKeys;
    private final int stages;
    private final int leastMembers;
    private final long plan;
    private final int most;
    private @Nullable Memory memory;

    private record Memory(int blocks, long partials, long partialScales) {}

    PrefixAttention(Driver driver, AttentionShape shape, AttentionLimits limits) {
        this.driver = driver;
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
        plan = driver.allocate(4L * limits.sequences() + 4, "prefixes of attention");
    }

    private int sharedBytes(int ofStages, int sequences) {
        return (TILE_ROWS + ofStages * 2 * blockKeys) * 2 * (shape.headDim() + 8) + 4 * sequences;
    }

    List<Program> programs() {
        return List.of(program);
    }

    /** Room for the partial results: how much depends on how many blocks of the compiled kernel run at once. */
    private Memory memory() {
        Memory there = memory;
        if (there == null) {
            Kernel kernel = driver.kernel(program, "prefix_attention");
            int blocks = driver.properties().multiprocessors()
                    * Math.max(1, driver.blocksPerMultiprocessor(kernel, THREADS, sharedBytes(stages, most)));
            long tiles = (long) most * shape.group() / TILE_ROWS + most / leastMembers + 1;
            long rows = (blocks + tiles * shape.kvHeads()) * TILE_ROWS;
            there = new Memory(
                    blocks,
                    driver.allocate(rows * shape.headDim() * 4, "partial results of prefixes"),
                    driver.allocate(rows * 8, "partial results of prefixes"));
            memory = there;
        }
        return there;
    }

    /** What the kernels read of prefixes and their partial results: {@code struct Prefixes}. */
    Arguments fields(Arguments to, PrefixArrays prefixes) {
        Memory there = memory();
        return prefixes.fields(to)
                .pointer(there.partials)
                .pointer(there.partialScales)
                .pointer(plan);
    }

    void launch(Stream stream, AttentionCall call, StepArrays step, PrefixArrays prefixes) {
        Arguments to = Arguments.of()
                .pointer(call.q().address())
                .pointer(call.cache().k())
                .pointer(call.cache().v());
        Arguments fields =
                step.step(fields(to, prefixes)).int32(call.q().stride()).int32(0);
        Launch launch = Launch.of(memory().blocks, THREADS)
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
        Memory there = memory;
        if (there != null) {
            driver.free(there.partials);
            driver.free(there.partialScales);
        }
    }
}
