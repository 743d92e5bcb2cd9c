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
    private static final int STAGES = 2;
    private static final int Q_BUFFERS = 2;
    private static final int SHARED_TAIL_BYTES = 128 + 8 * (4 * STAGES + 4 + 2 * Q_BUFFERS);
    /** Half of a Hopper's second-level cache, and what keys and values of the heads in work may take of it. */
    private static final long CACHE_BYTES = 40_000_000;

    private final Driver driver;
    private final AttentionShape shape;
    private final int pageSize;
    private final int window;
    private final int blocks;
    private final long ticket;
    private final Map<AttentionCall.Rows, TensorMap> poolMaps = new HashMap<>();
    private final Map<List<Object>, Program> programs = new HashMap<>();

    static boolean takes(AttentionShape shape, DeviceProperties device) {
        return device.computeCapability() == 90
                && (shape.headDim() == 64 || shape.headDim() == 128)
                && shape.group() <= TILE_ROWS;
    }

    static TensorMap.Element element(DType dtype) {
        return dtype == DType.F16 ? TensorMap.Element.F16 : TensorMap.Element.BF16;
    }

    /** @param window the widest of any layer, 0 for none */
    HopperPrefill(Driver driver, Stream stream, AttentionShape shape, int pageSize, int window) {
        this.driver = driver;
        this.shape = shape;
        this.pageSize = pageSize;
        this.window = window;
        blocks = driver.properties().multiprocessors();
        ticket = driver.allocate(8, "counters of attention");
        driver.fill(stream, ticket, 0, 2);
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
        return IntStream.of(0, window)
                .distinct()
                .boxed()
                .flatMap(w -> java.util.stream.Stream.of(program(Prefix.NONE, w), program(Prefix.CACHED, w)))
                .toList();
    }

    private Program program(Prefix prefix, int window) {
        return programs.computeIfAbsent(List.of(prefix, window > 0), key -> {
            Map<String, Object> defines = shape.defines();
            defines.put("PAGE", prefix == Prefix.CACHED ? pageSize : 0);
            if (window > 0) {
                defines.put("WINDOW", 1);
            }
            return Sources.program("prefill_attention_sm90.cu", defines);
        });
    }

    @Override
    public void launch(Stream stream, AttentionCall call, StepArrays step, Tiles tiles) {
        int block = BLOCK_KEYS * shape.headDim() * 2;
        int shared = 1024 + (Q_BUFFERS + 2 * STAGES) * block + SHARED_TAIL_BYTES;
        Program program = program(tiles.prefix(), call.window());
        Launch launch = Launch.of(blocks, THREADS).shared(shared).order(Launch.Order.DEPENDENT);
        Arguments arguments = Arguments.of();
        maps(call, step.tokens()).forEach(arguments::tensorMap);
        driver.launch(
                stream,
                driver.kernel(program, "prefill_attention"),
                launch,
                arguments.struct(fields(call, step, tiles)));
    }

    private Arguments fields(AttentionCall call, StepArrays step, Tiles tiles) {
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
                .int32(section(tiles.longest()))
                .int32(call.window())
                .int32(call.k().stride());
        return shape.factors(fields, call.scale());
    }

    /** KV heads to take together: as many as leave their keys and values in the second-level cache, a divisor of all. */
    private int section(int longest) {
        for (int heads = shape.kvHeads(); heads > 1; heads--) {
            if (shape.kvHeads() % heads == 0 && 4L * heads * shape.headDim() * longest <= CACHE_BYTES) {
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
    }
}
