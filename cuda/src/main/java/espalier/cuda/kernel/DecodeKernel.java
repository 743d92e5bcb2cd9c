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

    /** Prefixes that the first kernel has attended to: sequences begin behind them, and its results are joined with theirs. */
    record Joined(PrefixAttention first, PrefixArrays prefixes) {
        Arguments fields(Arguments to) {
            return first.fields(to, prefixes);
        }
    }

    @Override
    void close();
}
