package espalier.cpu;

import espalier.cpu.Attention.Call;
import espalier.cpu.Attention.Stretch;
import espalier.cpu.Attention.Tile;

/**
 * How tiles of attention are computed. A row's state after a split, and what becomes of it, may depend on nothing but the
 * row and its past: not on the tile's other rows.
 */
interface AttentionPath {
    /** Rows that a tile should have, as far as the group divides it. */
    int tileRows();

    /** Emits the kernels of calls like this one, which has memory for no tensor, so that none is emitted while serving. */
    void prepare(Call c);

    /** What a lane wants for a tile, beside its states. */
    long memoryBytes(Call c, Tile t);

    /** What is kept of the positions of one split. */
    long stateBytes(Call c, int rows);

    /** Puts the tile's queries into the lane's memory. */
    void begin(Call c, Tile t, long memory);

    /** Makes the state of no positions. */
    void clear(Call c, int rows, long state);

    /** Adds positions of one split to the state of those of the split that come before them. */
    void add(Call c, Stretch s, long memory, long state);

    /** Copies the state of a group's rows, from {@code row} on, out of a state of {@code rows}. */
    void copy(Call c, int rows, long state, int row, long to);

    /** Adds the state of a later split to that of the earlier ones. */
    void merge(Call c, int rows, long state, long later);

    /** Writes the output that a state stands for. */
    void finish(Call c, Tile t, long state);
}
