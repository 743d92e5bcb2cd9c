package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.tensor.DType;
import java.util.TreeMap;

/**
 * Rotary embedding of a step's queries and keys, in place, with the write of keys and values to their cache slots: {@code
 * rope.cu}.
 */
public final class Rotation {
    private static final int THREADS = 256;
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
     * @param rotaryDim elements of a head that are rotated, a multiple of 4
     */
    public record Angles(long frequencies, int rotaryDim, float attentionFactor, Pairs pairs) {
        public Angles {
            if (rotaryDim < 4 || rotaryDim % 4 != 0 || rotaryDim > MOST_ELEMENTS) {
                throw new IllegalArgumentException("rotary embedding of " + rotaryDim
                        + " elements of a head; a multiple of 4 up to " + MOST_ELEMENTS
                        + " is wanted on a CUDA device");
            }
        }
    }

    public Rotation(Driver driver, AttentionShape shape) {
        this.driver = driver;
        this.shape = shape;
    }

    /** What {@link Driver#prepare} should compile at start. */
    public Program program(Pairs pairs) {
        var defines = new TreeMap<String, Object>();
        defines.put("INTERLEAVED", pairs == Pairs.NEIGHBOURS ? 1 : 0);
        if (shape.dtype() == DType.F16) {
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
                .float32(angles.attentionFactor());
        driver.launch(
                stream,
                driver.kernel(program(angles.pairs()), "rope"),
                Launch.of(step.tokens(), THREADS).order(Launch.Order.DEPENDENT),
                Arguments.of().struct(fields));
    }
}
