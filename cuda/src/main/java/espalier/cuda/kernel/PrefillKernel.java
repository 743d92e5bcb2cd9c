package espalier.cuda.kernel;

import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import java.util.List;

/** Attention of the sequences that have several rows in a step, by a list of tiles that is made once a step. */
sealed interface PrefillKernel extends AutoCloseable permits HopperPrefill, GenericPrefill {

    List<Program> programs();

    /** Tokens of a tile. */
    int tileTokens();

    /** Positions that a block of keys has. */
    int blockKeys();

    void launch(Stream stream, AttentionCall call, StepArrays step, Tiles tiles);

    @Override
    void close();

    /** Whether any sequence of the step has positions before its first row of the step. */
    enum Prefix {
        NONE,
        CACHED
    }

    /**
     * @param list device address of the tiles, {@code count} of their number
     * @param longest no sequence of the step has more positions
     * @param positions all sequences of the step together have no more
     */
    record Tiles(long list, long count, Prefix prefix, int longest, long positions) {}
}
