package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Dim;
import espalier.cuda.driver.Launch.Order;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.cuda.driver.TensorMap;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Paged decode attention on sm_90a: {@code decode_attention_sm90.cu}, whose head says how it works, and {@code
 * decode_combine_sm90.cu}. Which sequences it takes, how they are cut and joined is decided on the device at each launch; the
 * host gives bounds alone.
 */
final class HopperDecode implements DecodeKernel {
    private static final int LEAF_TOKENS = 128;
    private static final int GROUP_TOKENS = 8 * LEAF_TOKENS;
    private static final int TILE_TOKENS = 16;
    private static final int PRODUCER_WARPS = 4;
    private static final int MOST_WARPS = 8;
    private static final int MOST_STAGES = 12;
    private static final int LINE_BYTES = 128;
    /** Head dimensions that {@link #rotate} takes. */
    private static final int ROTATED_STEP = 64;

    /** Of a multiprocessor at once; blocks beyond come later, though most find that there is nothing to join. */
    private static final int COMBINING_BLOCKS = 2;

    private final Driver driver;
    private final AttentionShape shape;
    private final Parts plain;

    /** Also for sequences that begin behind shared prefixes; null where there are none. */
    private final @Nullable Parts joining;

    /** Turns queries and the newest keys itself. */
    private final Parts rotating;

    private final int section;
    private final int packs;
    private final int stages;
    private final int blocks;
    private final long partials;
    private final long partialScales;
    private final long schedule;
    private final long starts;
    private final Map<AttentionCall.PagedLayer, List<TensorMap>> maps = new HashMap<>();

    /** Whether the kernel takes such heads; other shapes are the generic kernel's. */
    static boolean takes(AttentionShape shape, DeviceProperties device) {
        return device.computeCapability() == 90
                && shape.headDim() >= 64
                && shape.headDim() <= 128
                && section(shape) > 0;
    }

    /** KV heads that a block takes at once: the most whose units have a warp each and whose rows are whole lines. */
    private static int section(AttentionShape shape) {
        int packs = Math.ceilDiv(shape.group(), 4);
        for (int heads = Math.min(shape.kvHeads(), MOST_WARPS / packs); heads > 0; heads--) {
            if (shape.kvHeads() % heads == 0 && heads * shape.headDim() * 2 % LINE_BYTES == 0) {
                return heads;
            }
        }
        return 0;
    }

    HopperDecode(Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits) {
        this(driver, memory, shape, limits, driver.properties().multiprocessors());
    }

    /** With so many blocks: how finely a batch is cut follows them, but no bit of the result. */
    HopperDecode(Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits, int blocks) {
        this(driver, memory, shape, limits, blocks, section(shape));
    }

    /** For few sequences: a block takes as few KV heads as it can, so that more blocks share the work. The bits are the same. */
    static HopperDecode ofFew(Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits) {
        int section = 1;
        while (shape.kvHeads() % section != 0 || section * shape.headDim() * 2 % LINE_BYTES != 0) {
            section++;
        }
        return new HopperDecode(
                driver, memory, shape, limits, driver.properties().multiprocessors(), section);
    }

    private HopperDecode(
            Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits, int blocks, int section) {
        this.driver = driver;
        this.shape = shape;
        this.blocks = blocks;
        this.section = section;
        packs = Math.ceilDiv(shape.group(), 4);
        int room = driver.properties().sharedBytesPerBlock() - sharedBytes(0, limits.sequences());
        stages = Math.min(MOST_STAGES, room / (stageBytes() + 40));
        if (stages < 2) {
            throw new IllegalArgumentException(limits.sequences() + " sequences a step are too many");
        }
        Program combine = combine();
        plain = new Parts(attend(), combine);
        joining = limits.leastSharing() == 0 ? null : new Parts(attend("PREFIXES"), combine("PREFIXES"));
        rotating = new Parts(attend("ROTATE"), combine);
        long items = Math.max(limits.contextTokens() / GROUP_TOKENS + limits.sequences(), 3L * blocks);
        long units = (long) shape.kvHeads() * packs;
        partials = memory.take(items * units * channels() * 16, "partial results of attention");
        partialScales = memory.take(items * units * 32, "partial results of attention");
        schedule = memory.zeroed(8, "counters of attention");
        starts = memory.take(4L * limits.sequences() + 4, "counters of attention");
    }

    /** What attends to items, and what joins those of a sequence. */
    private record Parts(Program attend, Program combine) {}

    private Program attend(String... macros) {
        Map<String, Object> defines = defines(macros);
        defines.put("STAGES", stages);
        return Sources.program("decode_attention_sm90.cu", defines);
    }

    private Program combine(String... macros) {
        return Sources.program("decode_combine_sm90.cu", defines(macros));
    }

    private Map<String, Object> defines(String... macros) {
        Map<String, Object> defines = shape.defines();
        defines.put("KV_HEADS", shape.kvHeads());
        defines.put("SECTION", section);
        for (String each : macros) {
            defines.put(each, 1);
        }
        return defines;
    }

    private int channels() {
        return Math.ceilDiv(shape.headDim(), 32) * 32;
    }

    private int lines() {
        return section * shape.headDim() * 2 / LINE_BYTES;
    }

    private int stageBytes() {
        return 2 * TILE_TOKENS * (lines() | 1) * LINE_BYTES;
    }

    private int sharedBytes(int ofStages, int sequences) {
        return ofStages * (stageBytes() + 16 + 24) + 8 * sequences + 34 * 4;
    }

    @Override
    public List<Program> programs() {
        var all = new ArrayList<>(List.of(plain.attend, plain.combine));
        if (packs == 1 && shape.headDim() % ROTATED_STEP == 0) {
            all.add(rotating.attend);
        }
        if (joining != null) {
            all.add(joining.attend);
            all.add(joining.combine);
        }
        return all;
    }

    @Override
    public void launch(Stream stream, AttentionCall call, StepArrays step, @Nullable Joined joined) {
        Parts chosen = joined == null ? plain : Objects.requireNonNull(joining);
        Arguments fields = arguments(call, step, joined);
        attend(stream, chosen, call, step, fields);
        combine(stream, chosen, step, fields);
    }

    @Override
    public boolean rotates(AttentionCall call, Rotation.Angles angles) {
        return packs == 1
                && shape.headDim() % ROTATED_STEP == 0
                && angles.rotaryDim() == shape.headDim()
                && angles.pairs() == Rotation.Pairs.HALVES;
    }

    @Override
    public void rotate(Stream stream, AttentionCall call, StepArrays step, Rotation.Angles angles) {
        attend(stream, rotating, call, step, DecodeKernel.newest(arguments(call, step, null), call, step, angles));
        combine(stream, rotating, step, arguments(call, step, null));
    }

    private void attend(Stream stream, Parts chosen, AttentionCall call, StepArrays step, Arguments fields) {
        List<TensorMap> pool = maps.computeIfAbsent(call.cache(), this::poolMaps);
        int threads = (section * packs + PRODUCER_WARPS) * 32;
        Launch launch = Launch.of(blocks, threads)
                .shared(sharedBytes(stages, step.sequences()))
                .order(Order.DEPENDENT);
        Arguments attend =
                Arguments.of().tensorMap(pool.get(0)).tensorMap(pool.get(1)).struct(fields);
        driver.launch(stream, driver.kernel(chosen.attend, "decode_attention"), launch, attend);
    }

    private void combine(Stream stream, Parts chosen, StepArrays step, Arguments fields) {
        int pieces = shape.kvHeads() * packs * channels() / 32;
        int each = step.sequences() <= 32 ? 1 : 8;
        int shares = Math.clamp(COMBINING_BLOCKS * blocks / step.sequences(), 1, Math.ceilDiv(pieces, each));
        Launch join = Launch.of(Dim.of(step.sequences(), shares), Dim.of(32, 8)).order(Order.DEPENDENT);
        Arguments combine = Arguments.of().struct(fields).int32(each);
        driver.launch(stream, driver.kernel(chosen.combine, "decode_combine"), join, combine);
    }

    private Arguments arguments(AttentionCall call, StepArrays step, @Nullable Joined joined) {
        Arguments to = Arguments.of()
                .pointer(call.out())
                .pointer(call.q().address())
                .pointer(partials)
                .pointer(partialScales)
                .pointer(schedule)
                .pointer(starts);
        if (joined != null) {
            joined.fields(to);
        }
        return shape.factors(step.step(to).int32(call.q().stride()).int32(blocks), call.scale());
    }

    /** A pool as rows of one line; a copy takes a section of a token. */
    private List<TensorMap> poolMaps(AttentionCall.PagedLayer cache) {
        long rows = cache.slots() * shape.slotBytes() / LINE_BYTES;
        return List.of(poolMap(cache.k(), rows), poolMap(cache.v(), rows));
    }

    private TensorMap poolMap(long pool, long rows) {
        return driver.tensorMap(new TensorMap.Layout(
                HopperPrefill.element(shape.dtype()),
                pool,
                new TensorMap.Sizes(64, rows),
                new TensorMap.Strides(LINE_BYTES),
                new TensorMap.Box(64, lines()),
                TensorMap.Swizzle.BYTES_128,
                TensorMap.Promotion.BYTES_128));
    }

    @Override
    public void close() {
        driver.free(partials);
        driver.free(partialScales);
        driver.free(schedule);
        driver.free(starts);
    }
}
