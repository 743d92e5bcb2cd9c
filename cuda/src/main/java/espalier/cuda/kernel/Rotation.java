package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.tensor.DType;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Rotary embedding of a step's queries and keys, in place, with the write of keys and values to their cache slots; or one of
 * both: {@code rope.cu}.
 */
public final class Rotation {
    private static final int THREADS = 256;
    private static final int BLOCKS_PER_MULTIPROCESSOR = 8;
    private static final int MOST_ELEMENTS = 256;

    private final Driver driver;
    private final AttentionShape shape;

    /** Which elements of a head turn together. */
    public enum Pairs {
        /** {@code j} and {@code j + rotaryDim / 2}: NeoX, Llama as Hugging Face stores it. */
        HALVES,
        /** {@code 2 j} and {@code 2 j + 1}: GPT-J. */
        NEIGHBOURS
    }

    /**
     * {@link espalier.tensor.Ops.Rope} on the device.
     *
     * @param frequencies device address of {@code rotaryDim / 2} F32 values, scaling applied
     * @param rotaryDim elements of a head that are rotated, a multiple of 4; 0 only writes to the cache
     */
    public record Angles(long frequencies, int rotaryDim, float attentionFactor, Pairs pairs) {
        /** Nothing turns. */
        public static final Angles NONE = new Angles(0, 0, 1, Pairs.HALVES);

        public Angles {
            if (rotaryDim < 0 || rotaryDim % 4 != 0 || rotaryDim > MOST_ELEMENTS) {
                throw new IllegalArgumentException("rotary embedding of " + rotaryDim
                        + " elements of a head; a multiple of 4 up to " + MOST_ELEMENTS
                        + " is wanted on a CUDA device");
            }
        }
    }

    /** Each made once, not at every launch: the source is read and searched for headers. */
    private final Map<Pairs, Program> programs = new EnumMap<>(Pairs.class);

    public Rotation(Driver driver, AttentionShape shape) {
        this.driver = driver;
        this.shape = shape;
    }

    /** What {@link Driver#prepare} should compile at start. */
    public Program program(Pairs pairs) {
        return programs.computeIfAbsent(pairs, key -> program(key, shape.dtype()));
    }

    private static Program program(Pairs pairs, DType dtype) {
        var defines = new TreeMap<String, Object>();
        defines.put("INTERLEAVED", pairs == Pairs.NEIGHBOURS ? 1 : 0);
        if (dtype == DType.F16) {
            defines.put("FP16", 1);
        }
        return Sources.program("rope.cu", defines);
    }

    /** Queries and keys of {@code call} are rotated where they are; a token whose slot is below 0 is not cached. */
    public void launch(Stream stream, AttentionCall call, StepArrays step, Angles angles) {
        Arguments fields = Arguments.of()
                .pointer(call.q().address())
                .pointer(call.k().address())
                .pointer(call.v().address())
                .pointer(call.cache().k())
                .pointer(call.cache().v())
                .pointer(step.positions())
                .pointer(step.writeSlots())
                .pointer(angles.frequencies())
                .int32(call.q().stride())
                .int32(call.k().stride())
                .int32(call.v().stride())
                .int32(shape.heads())
                .int32(shape.kvHeads())
                .int32(shape.headDim())
                .int32(angles.rotaryDim())
                .float32(angles.attentionFactor())
                .int32(isWide(call, shape, angles) ? 1 : 0);
        int parts = parts(driver, step.tokens(), (shape.heads() + 2 * shape.kvHeads()) * shape.headDim());
        run(driver, stream, program(angles.pairs()), Launch.Dim.of(step.tokens(), parts), fields);
    }

    /** Whether eight pairs of a head can turn at once. */
    private static boolean isWide(AttentionCall call, AttentionShape shape, Angles angles) {
        long addresses = call.q().address() | call.k().address() | call.v().address();
        int strides = call.q().stride() | call.k().stride() | shape.headDim();
        boolean alike = angles.pairs() == Pairs.HALVES && angles.rotaryDim() % 16 == 0;
        return alike && addresses % 16 == 0 && strides % 8 == 0;
    }

    /** Blocks a token: several where the tokens alone would leave the GPU idle, each with work for all its threads. */
    private static int parts(Driver driver, int tokens, int elements) {
        int room = BLOCKS_PER_MULTIPROCESSOR * driver.properties().multiprocessors() / Math.max(1, tokens);
        return Math.clamp(room, 1, Math.max(1, elements / (8 * THREADS)));
    }

    /**
     * The heads of {@code x} are rotated where they are; nothing is cached.
     *
     * @param x BF16 or F16, rows and heads an even number of elements apart
     * @param positions device address of one a row
     */
    public static void alone(Driver driver, Stream stream, View x, int headDim, long positions, Angles angles) {
        if (x.address() % 4 != 0 || x.stride() % 2 != 0 || headDim % 2 != 0) {
            throw new IllegalArgumentException("rotary embedding of heads of " + headDim + " in rows " + x.stride()
                    + " numbers apart; even ones are wanted on a CUDA device");
        }
        Arguments fields = Arguments.of()
                .pointer(x.address())
                .pointer(0)
                .pointer(0)
                .pointer(0)
                .pointer(0)
                .pointer(positions)
                .pointer(positions) // the slots of no keys
                .pointer(angles.frequencies())
                .int32(x.stride())
                .int32(0)
                .int32(0)
                .int32(x.cols() / headDim)
                .int32(0)
                .int32(headDim)
                .int32(angles.rotaryDim())
                .float32(angles.attentionFactor())
                .int32(0);
        int parts = parts(driver, x.rows(), x.cols());
        run(driver, stream, program(angles.pairs(), x.type()), Launch.Dim.of(x.rows(), parts), fields);
    }

    private static void run(Driver driver, Stream stream, Program program, Launch.Dim grid, Arguments fields) {
        driver.launch(
                stream,
                driver.kernel(program, "rope"),
                Launch.of(grid, Launch.Dim.of(THREADS)).order(Launch.Order.DEPENDENT),
                Arguments.of().struct(fields));
    }
}
