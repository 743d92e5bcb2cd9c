package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Launch.Dim;
import espalier.cuda.driver.Launch.Order;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Paged decode attention on every architecture and for every shape: {@code decode_attention.cu}. */
final class GenericDecode implements DecodeKernel {
    /** Positions of a unit of work. */
    private static final int SPLIT_TOKENS = 256;

    private static final int TILE_TOKENS = 16;
    private static final int MOST_WARPS = 8;
    private static final int PACK_HEADS = 8;
    private static final int STATIC_SHARED_BYTES = 2048;

    private final Driver driver;
    private final AttentionShape shape;
    private final Program program;

    /** Also for sequences that begin behind shared prefixes; null where there are none. */
    private final @Nullable Program joining;

    /** Turns queries and the newest keys itself. */
    private final Program rotating;

    private final int splitTokens;
    private final int warps;
    private final int stages;
    private final int packs;
    private final long partials;
    private final long partialScales;

    GenericDecode(Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits) {
        this(driver, memory, shape, limits, SPLIT_TOKENS);
    }

    private GenericDecode(
            Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits, int splitTokens) {
        this.driver = driver;
        this.shape = shape;
        this.splitTokens = splitTokens;
        int most = driver.properties().sharedBytesPerBlock() - STATIC_SHARED_BYTES;
        boolean copiesAhead = driver.properties().computeCapability() >= 80;
        int wanted = splitTokens == SPLIT_TOKENS ? 4 : MOST_WARPS;
        warps = sharedBytes(wanted, limits.sequences()) <= most ? wanted : 2;
        boolean again = splitTokens > warps * TILE_TOKENS; // a warp has more than one tile
        stages = again && copiesAhead && sharedBytes(2 * warps, limits.sequences()) <= most ? 2 : 1;
        packs = Math.ceilDiv(shape.group(), PACK_HEADS);
        program = Sources.program("decode_attention.cu", defines());
        joining = limits.leastSharing() == 0 ? null : joining(defines());
        rotating = rotating(defines());
        long splits = limits.contextTokens() / splitTokens + limits.sequences();
        long heads = splits * shape.kvHeads() * packs * pack();
        partials = memory.take(heads * shape.headDim() * 4, "partial results of attention");
        partialScales = memory.take(heads * 8, "partial results of attention");
    }

    /** For few sequences: smaller units, each warp with one tile, so that more multiprocessors share the work. */
    static GenericDecode ofFew(Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits) {
        return new GenericDecode(driver, memory, shape, limits, MOST_WARPS * TILE_TOKENS);
    }

    private static Program rotating(Map<String, Object> defines) {
        defines.put("ROTATE", 1);
        return Sources.program("decode_attention.cu", defines);
    }

    private static Program joining(Map<String, Object> defines) {
        defines.put("PREFIXES", 1);
        return Sources.program("decode_attention.cu", defines);
    }

    private Map<String, Object> defines() {
        Map<String, Object> defines = shape.defines();
        defines.put("KV_HEADS", shape.kvHeads());
        defines.put("WARPS", warps);
        defines.put("STAGES", stages);
        defines.put("SPLIT", splitTokens);
        return defines;
    }

    /** Of so many stages, which hold a tile of keys and of values each. */
    private int sharedBytes(int ofStages, int sequences) {
        int row = 2 * (shape.headDim() + 8);
        return (ofStages * 2 * TILE_TOKENS + PACK_HEADS) * row + 4 * sequences;
    }

    private int pack() {
        return Math.ceilDiv(shape.group(), packs);
    }

    @Override
    public List<Program> programs() {
        return joining == null ? List.of(program, rotating) : List.of(program, rotating, joining);
    }

    @Override
    public void launch(Stream stream, AttentionCall call, StepArrays step, @Nullable Joined joined) {
        Program chosen = joined == null ? program : Objects.requireNonNull(joining);
        launch(stream, chosen, step, Arguments.of().struct(arguments(call, step, joined)));
    }

    @Override
    public boolean rotates(AttentionCall call, Rotation.Angles angles) {
        return angles.rotaryDim() == shape.headDim() && angles.pairs() == Rotation.Pairs.HALVES && call.window() == 0;
    }

    @Override
    public void rotate(Stream stream, AttentionCall call, StepArrays step, Rotation.Angles angles) {
        Arguments fields = DecodeKernel.newest(arguments(call, step, null), call, step, angles);
        launch(stream, rotating, step, Arguments.of().struct(fields));
    }

    private void launch(Stream stream, Program chosen, StepArrays step, Arguments arguments) {
        Kernel attend = driver.kernel(chosen, "decode_attention");
        int threads = 32 * warps;
        int shared = sharedBytes(warps * stages, step.sequences());
        int blocks = driver.properties().multiprocessors()
                * Math.max(1, driver.blocksPerMultiprocessor(attend, threads, shared));
        Launch launch = Launch.of(blocks, threads).shared(shared).order(Order.DEPENDENT);
        driver.launch(stream, attend, launch, arguments);
        Launch join =
                Launch.of(Dim.of(step.sequences(), shape.heads()), Dim.of(Math.ceilDiv(shape.headDim(), 32) * 32));
        driver.launch(
                stream,
                driver.kernel(chosen, "decode_combine"),
                join.shared(4 * step.sequences()).order(Order.DEPENDENT),
                arguments);
    }

    private Arguments arguments(AttentionCall call, StepArrays step, @Nullable Joined joined) {
        Arguments to = Arguments.of()
                .pointer(call.out())
                .pointer(call.q().address())
                .pointer(call.cache().k())
                .pointer(call.cache().v())
                .pointer(partials)
                .pointer(partialScales);
        if (joined != null) {
            joined.fields(to);
        }
        return shape.factors(step.step(to).int32(call.q().stride()).int32(call.window()), call.scale());
    }

    @Override
    public void close() {
        driver.free(partials);
        driver.free(partialScales);
    }
}
