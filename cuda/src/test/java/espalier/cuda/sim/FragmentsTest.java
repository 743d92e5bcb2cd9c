package espalier.cuda.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The layouts of fragments and the swizzles against tables that NVIDIA's CuTe prints ({@code cute_layouts.txt}, by {@code
 * src/test/tools/cute_tables.cpp} from the Python package nvidia-cutlass 4.2), so that a kernel and the simulator cannot
 * share one misreading of the PTX manual.
 */
class FragmentsTest {
    private static final Map<String, int[][]> TABLES = tables();

    private interface Index {
        int of(int thread, int value);
    }

    private static Map<String, int[][]> tables() {
        var tables = new HashMap<String, int[][]>();
        for (String line : Specimens.read("cute_layouts.txt").lines().toList()) {
            String[] t = line.split(" ");
            int rows = Integer.parseInt(t[1]), columns = Integer.parseInt(t[2]);
            int[] all = Arrays.stream(t).skip(3).mapToInt(Integer::parseInt).toArray();
            int[][] table = new int[rows][];
            for (int r = 0; r < rows; r++) {
                table[r] = Arrays.copyOfRange(all, r * columns, (r + 1) * columns);
            }
            tables.put(t[0], table);
        }
        return Map.copyOf(tables);
    }

    private static void compare(String name, Index ours) {
        int[][] theirs = TABLES.get(name);
        for (int r = 0; r < theirs.length; r++) {
            int row = r;
            int[] mine = new int[theirs[r].length];
            Arrays.setAll(mine, v -> ours.of(row, v));
            assertThat(mine).as("%s, thread or row %d", name, r).isEqualTo(theirs[r]);
        }
    }

    /** Fragments of 16 rows, whose registers hold {@code e} elements. */
    private static void compare(String shape, int e) {
        compare(shape + "_a", (l, v) -> Fragments.aRow(l, v / e) + 16 * (Fragments.aColumn(l, v / e, e) + v % e));
        compare(shape + "_b", (l, v) -> l / 4 + 8 * (Fragments.bRow(l, v / e, e) + v % e));
        compare(shape + "_c", (l, v) -> Fragments.cRow(l, v) + 16 * Fragments.cColumn(l, v));
    }

    @Test
    void fragmentsOfAllWidthsLieAsCuteSays() {
        compare("m16n8k16_16bit", 2);
        compare("m16n8k8_16bit", 2);
        compare("m16n8k8_32bit", 1);
        compare("m16n8k32_8bit", 4);
    }

    @Test
    void fragmentsOfEightRowsGoOnAlongK() {
        compare("m8n8k16_8bit_a", (l, v) -> l / 4 + 8 * (Fragments.bRow(l, v / 4, 4) + v % 4));
        compare("m8n8k16_8bit_b", (l, v) -> l / 4 + 8 * (Fragments.bRow(l, v / 4, 4) + v % 4));
        compare("m8n8k16_8bit_c", (l, v) -> Fragments.cRow(l, v) + 8 * Fragments.cColumn(l, v));
    }

    @Test
    void aWarpgroupsFragmentsAreThoseOfItsWarpsSixteenRowsEach() {
        compare(
                "wgmma_m64n128_c",
                (t, v) -> t / 32 * 16 + Fragments.cRow(t % 32, v) + 64 * Fragments.cColumn(t % 32, v));
        compare(
                "wgmma_m64k16_a",
                (t, v) -> t / 32 * 16
                        + Fragments.aRow(t % 32, v / 2)
                        + 64 * (Fragments.aColumn(t % 32, v / 2, 2) + v % 2));
    }

    @Test
    void swizzlesPermuteSixteenBytePieces() {
        compare("swizzle_128", (r, c) -> Fragments.swizzle(r * 128 + c * 16, 3));
        compare("swizzle_64", (r, c) -> Fragments.swizzle(r * 64 + c * 16, 2));
        compare("swizzle_32", (r, c) -> Fragments.swizzle(r * 32 + c * 16, 1));
    }
}
