package espalier.contract;

import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.KvType;
import espalier.tensor.SharedPrefixes;
import espalier.tensor.StepInputs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A decoding step of sequences of which some share prefixes, which a device may read once for all of a group. Members of
 * different groups and sequences of none stand between each other, and the last sequence, of no group, has several rows.
 *
 * @param groups that share prefixes; the sequences are as many as {@link #own} says, and one more
 */
public record SharedPrefixCase(
        KvType kv, int headDim, int heads, int kvHeads, int pageSize, List<Group> groups, int window) {
    private static final double TOLERANCE = 1e-5;

    /** Sequences that begin with the same positions, a number of whole pages. */
    public record Group(int positions, int... sequences) {}

    /** One prefix ends inside a block of most kernels; one sequence has no position behind its prefix yet. */
    public static final List<Group> TWO_GROUPS = List.of(new Group(336, 1, 2, 4, 6), new Group(80, 7, 0));

    private int sequences() {
        return 2
                + groups.stream()
                        .flatMapToInt(g -> Arrays.stream(g.sequences))
                        .max()
                        .orElse(0);
    }

    private int shared(int sequence) {
        for (Group g : groups) {
            if (Arrays.stream(g.sequences).anyMatch(s -> s == sequence)) {
                return g.positions;
            }
        }
        return 0;
    }

    /** Positions of a sequence before the step and behind its prefix. */
    private static int own(int sequence) {
        return sequence * 37 % 150;
    }

    /** Prefixes go to the device as the scheduler would give them: only if it asks for any. */
    public OpCase asCase() {
        return new OpCase(
                "attention " + kv + " headDim " + headDim + " heads " + heads + "/" + kvHeads + " pages of " + pageSize
                        + " behind shared prefixes",
                TOLERANCE,
                scene -> run(
                        scene,
                        scene.device().sharedPrefixes().equals(SharedPrefixes.Least.NEVER)
                                ? Device.Prefixes.OWN
                                : Device.Prefixes.SHARED));
    }

    /** The step's outputs. */
    public float[][] run(Scene scene, Device.Prefixes prefixes) {
        var firsts = new ArrayList<int[]>();
        var pasts = new ArrayList<int[]>();
        var step = new ArrayList<int[]>();
        for (Group g : groups) {
            firsts.add(new int[] {g.sequences[0], 0, g.positions});
        }
        int longest = 0;
        int last = sequences() - 1;
        for (int s = 0; s <= last; s++) {
            int from = shared(s);
            int to = from + own(s);
            if (to > from) {
                pasts.add(new int[] {s, from, to});
            }
            step.add(new int[] {s, to, to + (s == last ? 3 : 1)});
            longest = Math.max(longest, to + 3);
        }
        var pages = new AttentionCase.Pages(sequences(), pageSize, longest, scene.random());
        groups.forEach(g -> pages.share(g.positions, g.sequences));
        var shape = new KvCache.Shape(AttentionCase.LAYERS, pages.count() * pageSize, kvHeads, headDim, kv);
        var layer = new AttentionCase.Layer(scene.device().kvCache(shape), headDim, heads, kvHeads, window);
        layer.attend(scene, pages.inputs(scene, firsts));
        layer.attend(scene, pages.inputs(scene, pasts));
        StepInputs in = switch (prefixes) {
            case OWN -> pages.inputs(scene, step);
            case SHARED -> pages.inputs(scene, step, sharedPrefixes(scene));
        };
        return scene.read(layer.attend(scene, in));
    }

    private SharedPrefixes sharedPrefixes(Scene scene) {
        int count = sequences();
        var lengths = new int[count];
        var groupOf = new int[count];
        var places = new int[count];
        var members = new int[count];
        var firstPlaces = new int[count];
        Arrays.fill(groupOf, -1);
        int member = 0;
        for (int g = 0; g < groups.size(); g++) {
            firstPlaces[g] = member;
            int[] sequences = groups.get(g).sequences;
            for (int i = 0; i < sequences.length; i++) {
                lengths[sequences[i]] = groups.get(g).positions;
                groupOf[sequences[i]] = g;
                places[sequences[i]] = i;
                members[member++] = sequences[i];
            }
        }
        Arrays.fill(firstPlaces, groups.size(), count, member);
        return new SharedPrefixes(
                scene.integers(lengths),
                scene.integers(groupOf),
                scene.integers(places),
                scene.integers(members),
                scene.integers(firstPlaces));
    }
}
