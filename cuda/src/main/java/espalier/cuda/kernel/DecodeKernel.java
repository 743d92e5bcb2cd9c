package espalier.cuda.kernel;

import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import java.util.List;

/** Attention of the sequences that have exactly one row in a step; the rows of the others are not touched. */
sealed interface DecodeKernel extends AutoCloseable permits HopperDecode, GenericDecode {

    List<Program> programs();

    void launch(Stream stream, AttentionCall call, StepArrays step);

    @Override
    void close();
}
