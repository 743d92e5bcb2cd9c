package espalier.cpu;

import static espalier.cpu.Attention.BLOCK;
import static espalier.cpu.Attention.SPLIT;
import static espalier.cpu.Attention.integer;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import espalier.cpu.Attention.Call;
import espalier.cpu.Attention.Stretch;
import espalier.cpu.Attention.Tile;
import espalier.tensor.SharedPrefixes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Prefixes that sequences of a step share, read once for all of them (cascade attention): their rows go through the prefix
 * as one tile, split by split, and each goes on alone from the states that come of it.
 *
 * <p>A row's state does not depend on the tile that it is in, and blocks are added in the same order to the same states as
 * if the row had been alone. So a step's groups change no bit, and what is shared need only end with a block.
 */
final class PrefixStates {
    private final Call c;
    private final AttentionPath path;
    private final OpMemory memory;
    private final long members;
    private final long firstPlaces;
    private final int groups;
    /** Of each row of the step, the shared positions before it, and its place among the members of all groups. */
    private final int[] ends;

    private final int[] places;
    /** Those that the longest prefix reaches into. */
    private final int splits;

    private long states;

    private PrefixStates(Call c, AttentionPath path, OpMemory memory, SharedPrefixes prefixes) {
        this.c = c;
        this.path = path;
        this.memory = memory;
        members = Address.of(prefixes.members());
        firstPlaces = Address.of(prefixes.firstPlaces());
        groups = c.a().in().sequences() / 2; // a group has two members at least
        ends = new int[c.a().in().tokens()];
        places = new int[ends.length];
        long lengths = Address.of(prefixes.lengths());
        int longest = 0;
        for (int place = 0; place < integer(firstPlaces, groups); place++) {
            int row = row(place);
            ends[row] = integer(lengths, integer(members, place)) / BLOCK * BLOCK;
            places[row] = place;
            longest = Math.max(longest, ends[row]);
        }
        int count = integer(firstPlaces, groups);
        int wanted = Math.ceilDiv(longest, SPLIT);
        splits = count == 0 ? 0 : memory.statesOf(splitBytes(c, path, count), wanted, 1);
        for (int place = 0; place < count; place++) { // what lies beyond, each reads by itself
            int row = row(place);
            ends[row] = Math.min(ends[row], splits * SPLIT);
        }
    }

    /** Of the states that the positions of a split leave. */
    static long splitBytes(Call c, AttentionPath path, int members) {
        return path.stateBytes(c, c.group()) * members * c.kv().shape().kvHeads();
    }

    /** Of the list of rows. */
    static long listBytes(int members) {
        return 4L * members;
    }

    /** Those of a call; null where it has none. */
    static @Nullable PrefixStates of(Call c, AttentionPath path, OpMemory memory) {
        SharedPrefixes prefixes = c.a().in().prefixes();
        return prefixes == null || c.a().window() > 0 ? null : new PrefixStates(c, path, memory, prefixes);
    }

    private int row(int place) {
        return integer(Address.of(c.a().in().firstRow()), integer(members, place));
    }

    /** Up to where a tile's past is shared; 0 where it is not. */
    int end(Tile t) {
        return ends[t.row()];
    }

    /** The state of a tile that the shared positions of a split leave, for the tile to go on with. */
    long state(Tile t, int split) {
        return state(places[t.row()], t.kvHead(), split);
    }

    private long state(int place, int kvHead, int split) {
        long number = ((long) place * c.kv().shape().kvHeads() + kvHead) * splits + split;
        return states + number * path.stateBytes(c, c.group());
    }

    void compute(Team team) {
        int count = integer(firstPlaces, groups);
        long stateBytes = splitBytes(c, path, count) * splits;
        states = memory.shared(stateBytes + listBytes(count));
        long rows = states + stateBytes;
        for (int place = 0; place < count; place++) {
            Lanes.ALL.set(JAVA_INT_UNALIGNED, rows + 4L * place, row(place));
        }
        List<Part> parts = parts(rows);
        if (team.nodes() > 1) { // a head's memory is on one of them
            parts.sort(Comparator.comparingInt(part -> part.stretch.tile().kvHead()));
        }
        team.run(parts.size(), (i, lane) -> compute(parts.get(i), lane));
    }

    /** @param place of the tile's first row */
    private record Part(Stretch stretch, int place) {}

    private List<Part> parts(long rows) {
        int most = Attention.tokensOfTile(c, path);
        var parts = new ArrayList<Part>();
        for (int g = 0; g < groups; g++) {
            int groupEnd = integer(firstPlaces, g + 1);
            for (int place = integer(firstPlaces, g); place < groupEnd; place += most) {
                int end = ends[row(place)];
                int seat = integer(Address.of(c.a().in().seats()), integer(members, place));
                for (int from = 0; from < end; from += SPLIT) {
                    for (int h = 0; h < c.kv().shape().kvHeads(); h++) {
                        int tokens = Math.min(most, groupEnd - place);
                        var tile = new Tile(seat, row(place), tokens, end, h, rows + 4L * place);
                        parts.add(new Part(new Stretch(tile, from, Math.min(end, from + SPLIT)), place));
                    }
                }
            }
        }
        return parts;
    }

    private void compute(Part part, int lane) {
        Tile t = part.stretch.tile();
        int rows = t.tokens() * c.group();
        long stateBytes = path.stateBytes(c, rows);
        long state = memory.lane(lane, stateBytes + path.memoryBytes(c, t));
        long room = state + stateBytes;
        path.begin(c, t, room);
        path.clear(c, rows, state);
        path.add(c, part.stretch, room, state);
        for (int i = 0; i < t.tokens(); i++) {
            int split = part.stretch.from() / SPLIT;
            path.copy(c, rows, state, i * c.group(), state(part.place + i, t.kvHead(), split));
        }
    }
}
