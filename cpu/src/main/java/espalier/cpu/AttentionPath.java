package espalier.cpu;

import espalier.cpu.Attention.Call;
import espalier.cpu.Attention.Tile;

/**
 * How tiles of attention are computed. A row's state after a split, and what becomes of it, may depend on nothing but the
 * row and its past: not on the tile's other rows.
 */
interface AttentionPath {
    /** Rows that a tile should have, as far as the group divides it. */
    int tileRows();

    /** What a lane wants for a tile, beside its states. */
    long memoryBytes(Call c, int rows);

    /** What is kept of the positions of one split. */
    long stateBytes(Call c, int rows);

    /** Puts the tile's queries into the lane's memory. */
    void begin(Call c, Tile t, long memory);

    /** Makes the state of the positions of one split. */
    void split(Call c, Tile t, int split, long memory, long state);

    /** Adds the state of a later split to that of the earlier ones. */
    void merge(Call c, int rows, long state, long later);

    /** Writes the output that a state stands for. */
    void finish(Call c, Tile t, long state);
}
