package espalier.exec;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.base.Tokens;
import espalier.tensor.DType;
import espalier.tensor.SharedPrefixes;
import espalier.tensor.reference.ReferenceDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PrefixGroupsTest {
    private static final int PAGE = 4;
    private static final int SEATS = 24;

    private final Capacity capacity = new Capacity(SEATS, 64, 4096, PAGE, 400, DType.F32);
    private final PageTable table = new PageTable(new ReferenceDevice(), capacity);
    private final Map<Integer, int[]> held = new HashMap<>();
    private int nextPage = 1000;

    private PrefixGroups groups(int sequences, int positions, int saved) {
        return new PrefixGroups(table, capacity, new SharedPrefixes.Least(sequences, positions, saved));
    }

    /** Gives a seat these pages and some of its own. */
    private void seat(PrefixGroups groups, int seat, int... shared) {
        groups.forget(seat);
        table.clearAdded();
        table.open(seat);
        table.append(seat, Tokens.of(shared));
        table.append(seat, Tokens.of(nextPage++, nextPage++));
        held.put(seat, shared);
    }

    private record Found(List<Integer> sequences, int positions) {}

    /** Of a step of these seats, in this order. */
    private List<Found> find(PrefixGroups groups, int... seats) {
        for (int s = 0; s < seats.length; s++) {
            groups.add(seats[s], s, held.get(seats[s]).length * PAGE + 1);
        }
        var all = new ArrayList<Found>();
        groups.find((sequences, positions) ->
                all.add(new Found(Arrays.stream(sequences).sorted().boxed().toList(), positions)));
        return all;
    }

    @Test
    void sequencesWithTheSameFirstPagesAreAGroup() {
        PrefixGroups groups = groups(2, 8, 0);
        seat(groups, 5, 7, 8, 9);
        seat(groups, 1, 7, 8, 9, 10);
        seat(groups, 2, 3);
        seat(groups, 0, 7, 8, 9, 11);
        assertThat(find(groups, 5, 2, 1, 0)).containsExactly(new Found(List.of(0, 2, 3), 12));
    }

    @Test
    void aBranchIsOneGroupOrItsPartsWhicheverSavesMore() {
        PrefixGroups groups = groups(2, 4, 0);
        int[] document = {1, 20, 21, 22, 23};
        int[] other = {1, 30, 31, 32, 33};
        for (int seat = 0; seat < 6; seat++) {
            seat(groups, seat, seat < 3 ? document : other);
        }
        assertThat(find(groups, 0, 1, 2, 3, 4, 5))
                .containsExactlyInAnyOrder(new Found(List.of(0, 1, 2), 20), new Found(List.of(3, 4, 5), 20));
        for (int seat = 0; seat < 6; seat++) {
            seat(groups, seat, seat < 3 ? new int[] {1, 2, 3, 4, 50} : new int[] {1, 2, 3, 4, 60});
        }
        assertThat(find(groups, 0, 1, 2, 3, 4, 5)).containsExactly(new Found(List.of(0, 1, 2, 3, 4, 5), 16));
    }

    @Test
    void tooFewTooShortOrTooLittleInAllIsLeftAlone() {
        PrefixGroups groups = groups(3, 12, 30);
        seat(groups, 0, 1, 2, 3);
        seat(groups, 1, 1, 2, 3);
        assertThat(find(groups, 0, 1)).as("two sequences").isEmpty();
        seat(groups, 2, 1, 2);
        assertThat(find(groups, 0, 1, 2)).as("two pages").isEmpty();
        seat(groups, 2, 1, 2, 3);
        assertThat(find(groups, 0, 1, 2)).as("24 positions saved").isEmpty();
        seat(groups, 3, 1, 2, 3);
        assertThat(find(groups, 0, 1, 2, 3)).containsExactly(new Found(List.of(0, 1, 2, 3), 12));
    }

    @Test
    void pagesThatWereNotFullBeforeTheStepAreNotShared() {
        PrefixGroups groups = groups(2, 4, 0);
        seat(groups, 0, 1, 2);
        seat(groups, 1, 1, 2);
        groups.add(0, 0, 7);
        groups.add(1, 1, 9);
        var found = new ArrayList<Integer>();
        groups.find((_, positions) -> found.add(positions));
        assertThat(found).containsExactly(4);
    }

    /** Sequences come and go as they like: what is found is shared, and saves as much as when found afresh. */
    @Test
    void groupsAreThoseOfAFreshLookWhateverCameBefore() {
        var random = new SplittableRandom(5);
        PrefixGroups lasting = groups(2, 4, 0);
        for (int step = 0; step < 300; step++) {
            for (int changes = random.nextInt(4); changes > 0; changes--) {
                int[] pages = new int[random.nextInt(1, 6)];
                for (int i = 0; i < pages.length; i++) {
                    pages[i] = (i == 0 ? 1 : pages[i - 1] * 3) + random.nextInt(2);
                }
                seat(lasting, random.nextInt(SEATS), pages);
            }
            int[] seats = held.keySet().stream()
                    .filter(_ -> random.nextInt(5) > 0)
                    .mapToInt(s -> s)
                    .toArray();
            List<Found> got = find(lasting, seats);
            List<Found> want = find(groups(2, 4, 0), seats);
            assertThat(saved(got)).as("step %d", step).isEqualTo(saved(want));
            for (Found group : got) {
                int[] first = held.get(seats[group.sequences().getFirst()]);
                for (int s : group.sequences()) {
                    assertThat(Arrays.mismatch(first, held.get(seats[s])))
                            .satisfiesAnyOf(
                                    at -> assertThat(at).isEqualTo(-1),
                                    at -> assertThat(at * PAGE).isGreaterThanOrEqualTo(group.positions()));
                }
            }
        }
    }

    private static int saved(List<Found> groups) {
        return groups.stream()
                .mapToInt(g -> (g.sequences().size() - 1) * g.positions())
                .sum();
    }
}
