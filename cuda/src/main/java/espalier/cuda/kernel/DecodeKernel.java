package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Attention of the sequences that have exactly one row in a step; the rows of the others are not touched. */
sealed interface DecodeKernel extends AutoCloseable permits HopperDecode, GenericDecode {

    List<Program> programs();

    void launch(Stream stream, AttentionCall call, StepArrays step, @Nullable Joined joined);

    /** Whether {@link #rotate} does what {@link Rotation} would. */
    boolean rotates(AttentionCall call, Rotation.Angles angles);

    /** Turns queries and keys, writes keys and values to the cache and attends; the rows of the call stay as they are. */
    void rotate(Stream stream, AttentionCall call, StepArrays step, Rotation.Angles angles);

    /** {@code struct Newest} of turn.cuh. */
    static Arguments newest(Arguments to, AttentionCall call, StepArrays step, Rotation.Angles angles) {
        return to.pointer(call.k().address())
                .pointer(call.v().address())
                .pointer(call.cache().k())
                .pointer(call.cache().v())
                .pointer(angles.frequencies())
                .pointer(step.writeSlots())
                .int32(call.k().stride())
                .float32(angles.attentionFactor());
    }

    /** Prefixes that the first kernel has attended to: sequences begin behind them, and its results are joined with theirs. */
    record Joined(PrefixAttention first, PrefixArrays prefixes) {
        Arguments fields(Arguments to) {
            return first.fields(to, prefixes);
        }
    }

    @Override
    void close();
}
