package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Kernel;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import java.util.List;
import java.util.Map;

/** Paged prefill attention on every architecture and for every shape: {@code prefill_attention.cu}. */
final class GenericPrefill implements PrefillKernel {
    private static final int TILE_ROWS = 64;
    private static final int THREADS = 128;

    private final Driver driver;
    private final AttentionShape shape;
    private final Program program;
    private final int blockKeys;
    private final int stages;

    GenericPrefill(Driver driver, AttentionShape shape) {
        this.driver = driver;
        this.shape = shape;
        if (shape.group() > TILE_ROWS) {
            throw new IllegalArgumentException(
                    shape.group() + " query heads a key/value head; at most " + TILE_ROWS + " are served");
        }
        int d = shape.headDim();
        blockKeys = d <= 64 ? 64 : d <= 128 ? 32 : 16;
        stages = sharedBytes(2) <= driver.properties().sharedBytesPerBlock() ? 2 : 1;
        Map<String, Object> defines = shape.defines();
        defines.put("KV_HEADS", shape.kvHeads());
        defines.put("BLOCK", blockKeys);
        defines.put("STAGES", stages);
        program = Sources.program("prefill_attention.cu", defines);
    }

    private int sharedBytes(int ofStages) {
        return (TILE_ROWS + ofStages * 2 * blockKeys) * 2 * (shape.headDim() + 8);
    }

    @Override
    public int tileTokens() {
        return TILE_ROWS / shape.group();
    }

    @Override
    public int blockKeys() {
        return blockKeys;
    }

    @Override
    public List<Program> programs() {
        return List.of(program);
    }

    @Override
    public void launch(Stream stream, AttentionCall call, StepArrays step, Tiles tiles) {
        Kernel attend = driver.kernel(program, "prefill_attention");
        int shared = sharedBytes(stages);
        int blocks = driver.properties().multiprocessors()
                * Math.max(1, driver.blocksPerMultiprocessor(attend, THREADS, shared));
        Arguments fields = Arguments.of()
                .pointer(call.out())
                .pointer(call.q().address())
                .pointer(call.cache().k())
                .pointer(call.cache().v())
                .pointer(tiles.list())
                .pointer(tiles.count())
                .pointer(step.pageTable())
                .int32(step.pageStride())
                .int32(step.pageSize())
                .int32(step.pageShift())
                .int32(call.q().stride())
                .int32(call.window());
        driver.launch(
                stream,
                attend,
                Launch.of(blocks, THREADS).shared(shared).order(Launch.Order.DEPENDENT),
                Arguments.of().struct(shape.factors(fields, call.scale())));
    }

    @Override
    public void close() {}
}
