package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.cuda.driver.TensorMap;
import espalier.tensor.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Paged prefill attention on sm_90a: {@code prefill_attention_sm90.cu}, whose head says how it works. New keys and values
 * are read where the step put them, cached ones by page.
 */
final class HopperPrefill implements PrefillKernel {
    private static final int TILE_ROWS = 128;
    private static final int BLOCK_KEYS = 128;
    private static final int THREADS = 384;
    private static final int COMBINE_THREADS = 256;
    private static final int STAGES = 2;
    private static final int Q_BUFFERS = 2;
    /** 8,192 positions: what lies within costs nothing more, and joining is a few percent of what lies beyond. */
    private static final int SECTION_BLOCKS = 64;

    /** Parts of tiles that are kept, for each block: more units than that keep the card busy without being split. */
    private static final int PARTS_PER_BLOCK = 4;

    private static final int SHARED_TAIL_BYTES = 128 + 8 * (4 * STAGES + 4 + 2 * Q_BUFFERS);
    /**
     * What keys and values of the heads in work may take; found by measuring. A Hopper's second-level cache of 50 MB is two
     * halves, and each seems to keep what its own multiprocessors read.
     */
    private static final long CACHE_BYTES = 20_000_000;

    private final Driver driver;
    private final AttentionShape shape;
    private final int pageSize;
    private final int window;
    private final int blocks;
    private final long ticket;
    private final int sectionBlocks;
    private final int mostParts;
    private final long sums;
    private final Map<AttentionCall.Rows, TensorMap> poolMaps = new HashMap<>();
    private final Map<Variant, Program> programs = new HashMap<>();

    static boolean takes(AttentionShape shape, DeviceProperties device) {
        return device.computeCapability() == 90
                && (shape.headDim() == 64 || shape.headDim() == 128)
                && shape.group() <= TILE_ROWS;
    }

    static TensorMap.Element element(DType dtype) {
        return dtype == DType.F16 ? TensorMap.Element.F16 : TensorMap.Element.BF16;
    }

    /**
     * How keys are stored and added up.
     *
     * @param sectionBlocks blocks of keys after which a row's sums begin anew, to be joined in the end; contexts that have
     *     no more are not cut
     */
    record Keys(int pageSize, int sectionBlocks) {
        static Keys of(int pageSize) {
            return new Keys(pageSize, SECTION_BLOCKS);
        }
    }

    HopperPrefill(Driver driver, OwnMemory memory, AttentionShape shape, AttentionLimits limits, Keys keys) {
        this.driver = driver;
        this.shape = shape;
        pageSize = keys.pageSize();
        window = limits.window();
        sectionBlocks = keys.sectionBlocks();
        blocks = driver.properties().multiprocessors();
        ticket = memory.zeroed(8, "counters of attention");
        mostParts = PARTS_PER_BLOCK * blocks;
        boolean cut = limits.contextTokens() > (long) sectionBlocks * BLOCK_KEYS;
        sums = cut ? memory.take((long) (blocks + mostParts) * stateBytes(), "sums of attention") : 0;
    }

    @Override
    public int tileTokens() {
        return TILE_ROWS / shape.group();
    }

    @Override
    public int blockKeys() {
        return BLOCK_KEYS;
    }

    @Override
    public List<Program> programs() {
        var all = new ArrayList<Program>();
        for (Prefix prefix : Prefix.values()) {
            for (int w : IntStream.of(0, window).distinct().toArray()) {
                for (Length length : sums == 0 ? List.of(Length.SHORT) : List.of(Length.values())) {
                    all.add(program(new Variant(prefix, w > 0, length)));
                }
            }
        }
        return all;
    }

    /** Whether some context has several sections. */
    private enum Length {
        SHORT,
        LONG
    }

    private record Variant(Prefix prefix, boolean windowed, Length length) {}

    private Program program(Variant variant) {
        return programs.computeIfAbsent(variant, key -> {
            Map<String, Object> defines = shape.defines();
            defines.put("PAGE", key.prefix == Prefix.CACHED ? pageSize : 0);
            if (key.windowed) {
                defines.put("WINDOW", 1);
            }
            if (key.length == Length.LONG) {
                defines.put("SECTION", sectionBlocks);
            }
            return Sources.program("prefill_attention_sm90.cu", defines);
        });
    }

    @Override
    public void launch(Stream stream, AttentionCall call, StepArrays step, Tiles tiles) {
        int block = BLOCK_KEYS * shape.headDim() * 2;
        int shared = 1024 + (Q_BUFFERS + 2 * STAGES) * block + SHARED_TAIL_BYTES;
        Length length = tiles.longest() > sectionBlocks * BLOCK_KEYS ? Length.LONG : Length.SHORT;
        Program program = program(new Variant(tiles.prefix(), call.window() > 0, length));
        Launch launch = Launch.of(blocks, THREADS).shared(shared).order(Launch.Order.DEPENDENT);
        Arguments arguments = Arguments.of();
        maps(call, step.tokens()).forEach(arguments::tensorMap);
        driver.launch(
                stream,
                driver.kernel(program, "prefill_attention"),
                launch,
                arguments.struct(fields(call, step, tiles, length)));
        if (length == Length.LONG) {
            driver.launch(
                    stream,
                    driver.kernel(program, "prefill_combine"),
                    Launch.of(blocks, COMBINE_THREADS).order(Launch.Order.DEPENDENT),
                    Arguments.of().struct(fields(call, step, tiles, length)));
        }
    }

    private long stateBytes() {
        return COMBINE_THREADS * (shape.headDim() / 8 + 1L) * 16;
    }

    private Arguments fields(AttentionCall call, StepArrays step, Tiles tiles, Length length) {
        Arguments fields = Arguments.of()
                .pointer(call.out())
                .pointer(call.k().address())
                .pointer(call.v().address())
                .pointer(call.cache().k())
                .pointer(call.cache().v())
                .pointer(step.pageTable())
                .pointer(tiles.list())
                .pointer(tiles.count())
                .pointer(ticket)
                .int32(step.pageStride())
                .int32(shape.heads())
                .int32(shape.kvHeads())
                .int32(section(tiles.positions()))
                .int32(call.window())
                .int32(call.k().stride());
        if (length == Length.LONG) {
            fields.pointer(sums)
                    .int32(blocks)
                    .int32(mostParts)
                    .int32(Math.ceilDiv(tiles.longest(), sectionBlocks * BLOCK_KEYS));
        }
        return shape.factors(fields, call.scale());
    }

    /** KV heads to take together: as many as leave their keys and values in the second-level cache, a divisor of all. */
    private int section(long positions) {
        for (int heads = shape.kvHeads(); heads > 1; heads--) {
            if (shape.kvHeads() % heads == 0 && 4L * heads * shape.headDim() * positions <= CACHE_BYTES) {
                return heads;
            }
        }
        return 1;
    }

    private List<TensorMap> maps(AttentionCall call, int tokens) {
        int d = shape.headDim();
        int halves = d / 64;
        int rowBytes = 2 * call.k().stride();
        int tokensOfTile = tileTokens();
        boolean whole = tokensOfTile * shape.group() == TILE_ROWS;
        var all = new ArrayList<TensorMap>();
        all.add(map(
                call.q().address(),
                new TensorMap.Sizes(64, shape.heads(), tokens, halves),
                new TensorMap.Strides(2L * d, 2L * call.q().stride(), 128),
                new TensorMap.Box(64, shape.group(), tokensOfTile, whole ? halves : 1)));
        for (AttentionCall.Rows fresh : List.of(call.k(), call.v())) {
            all.add(map(
                    fresh.address(),
                    new TensorMap.Sizes(64, tokens, halves, shape.kvHeads()),
                    new TensorMap.Strides(rowBytes, 128, 2L * d),
                    new TensorMap.Box(64, BLOCK_KEYS, halves, 1)));
        }
        all.add(poolMap(call.cache().k(), call.cache().slots()));
        all.add(poolMap(call.cache().v(), call.cache().slots()));
        return all;
    }

    private TensorMap poolMap(long pool, int slots) {
        return poolMaps.computeIfAbsent(
                new AttentionCall.Rows(pool, slots),
                key -> map(
                        pool,
                        new TensorMap.Sizes(64, slots, shape.headDim() / 64, shape.kvHeads()),
                        new TensorMap.Strides(shape.slotBytes(), 128, 2L * shape.headDim()),
                        new TensorMap.Box(64, 16, 1, 1)));
    }

    private TensorMap map(long address, TensorMap.Sizes sizes, TensorMap.Strides strides, TensorMap.Box box) {
        return driver.tensorMap(new TensorMap.Layout(
                element(shape.dtype()),
                address,
                sizes,
                strides,
                box,
                TensorMap.Swizzle.BYTES_128,
                TensorMap.Promotion.BYTES_128));
    }

    @Override
    public void close() {
        driver.free(ticket);
        if (sums != 0) {
            driver.free(sums);
        }
    }
}
