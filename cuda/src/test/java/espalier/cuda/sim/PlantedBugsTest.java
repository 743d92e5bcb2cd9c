package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DEADLOCK;
import static espalier.cuda.sim.Finding.Kind.DIVERGENCE;
import static espalier.cuda.sim.Finding.Kind.MBARRIER;
import static espalier.cuda.sim.Finding.Kind.MISALIGNED;
import static espalier.cuda.sim.Finding.Kind.MISSING_FENCE;
import static espalier.cuda.sim.Finding.Kind.MISSING_WAIT;
import static espalier.cuda.sim.Finding.Kind.OUT_OF_BOUNDS;
import static espalier.cuda.sim.Finding.Kind.RACE;
import static espalier.cuda.sim.Finding.Kind.RACE_IN_WARP;
import static espalier.cuda.sim.Finding.Kind.UNINITIALISED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Known mistakes, planted in the specimens: each must be found by the check that names it (where none can, by the result),
 * whatever the order; changes that are right must raise nothing. Each bug runs in one of three schedules, {@code
 * -Despalier.schedules=3} in all.
 */
class PlantedBugsTest {
    private static final int SCHEDULES = 3;

    private static PlantedBug bug(
            String what, String arch, Specimens.Run run, String old, String with, Finding.Kind... kinds) {
        return new PlantedBug(what, arch, bench -> run.on(bench).right(), old, with, Set.of(kinds));
    }

    private static final Specimens.Run NORM = b -> Specimens.addRmsnorm(b, 2, 2048, 256);
    private static final Specimens.Run GEMV = b -> Specimens.gemv(b, 6, 128);
    private static final Specimens.Run DECODE =
            b -> Specimens.decodeAttn(b, new Specimens.Decode(new int[] {200}, 4, 2, 64, 16, 2));
    private static final Specimens.Run PREFILL = b -> Specimens.prefillAttn(b, 200, 2, 1, 64);
    private static final Specimens.Run WGMMA = b -> Specimens.gemmWgmma(b, 64, 128, 512);

    private static final String TOUCH = "bf16 *own = as + s * BM * BK + threadIdx.x / 32 * 16 * BK; "
            + "if (threadIdx.x % 32 == 0) own->u ^= m >> 30; ";

    /** Makes the text of an #ifndef go. */
    private static String drop(String flag) {
        return "#ifndef " + flag + "\n";
    }

    /** Takes the text of an #ifdef in. */
    private static String take(String flag) {
        return "#ifdef " + flag + "\n";
    }

    private static List<PlantedBug> all() {
        return Stream.of(norms(), decode(), prefill(), barriers(), copies())
                .flatMap(List::stream)
                .toList();
    }

    private static List<PlantedBug> norms() {
        return List.of(
                bug("no barrier before reading partial sums", "80", NORM, drop("BUG_NO_SYNCTHREADS"), "#if 0\n", RACE),
                bug("no barrier before reading the scale", "80", NORM, drop("BUG_NO_SYNCTHREADS2"), "#if 0\n", RACE),
                bug("reads uninitialised shared memory", "80", NORM, take("BUG_UNINIT"), "#if 1\n", UNINITIALISED),
                bug("barrier in one warp only", "80", NORM, take("BUG_DIVERGENT_BARRIER"), "#if 1\n", DIVERGENCE),
                bug("global read 16 bytes past the end", "80", NORM, take("BUG_GLOBAL_OOB"), "#if 1\n", OUT_OF_BOUNDS),
                bug(
                        "row pointer one element off",
                        "80",
                        NORM,
                        "(x + (size_t)blockIdx.x * dim)",
                        "(x + 1 + (size_t)blockIdx.x * dim)",
                        MISALIGNED),
                bug(
                        "two blocks write one row",
                        "80",
                        NORM,
                        "(out + (size_t)blockIdx.x * dim)",
                        "(out + (size_t)(blockIdx.x / 2) * dim)",
                        RACE),
                bug(
                        "shuffle in half a warp",
                        "80",
                        NORM,
                        "sum = warp_sum(sum);",
                        "if (threadIdx.x % 32 < 16) sum = warp_sum(sum);",
                        DIVERGENCE),
                bug(
                        "barrier in half a warp",
                        "80",
                        NORM,
                        "    if (lane == 0) part[0] =",
                        "    if (lane < 16) __syncthreads(); if (lane == 0) part[0] =",
                        DIVERGENCE),
                bug(
                        "every lane stores its own sum",
                        "80",
                        GEMV,
                        "if (lane == 0) y[row] = s;",
                        "y[row] = s + lane;",
                        RACE_IN_WARP),
                bug(
                        "a row too many",
                        "80",
                        GEMV,
                        "if (row >= rows) return;",
                        "if (row > rows) return;",
                        OUT_OF_BOUNDS));
    }

    private static List<PlantedBug> decode() {
        return List.of(
                bug("no __syncwarp", "80", DECODE, drop("BUG_NO_SYNCWARP"), "#if 0\n", RACE_IN_WARP),
                bug("no barrier at the loop's end (decode)", "80", DECODE, drop("BUG_NO_SYNCTHREADS"), "#if 0\n", RACE),
                bug("no last cp.async wait", "80", DECODE, drop("BUG_NO_CP_WAIT"), "#if 0\n", MISSING_WAIT),
                bug("shared read one past the end", "80", DECODE, take("BUG_SMEM_OOB"), "#if 1\n", OUT_OF_BOUNDS),
                bug(
                        "page table read past the end",
                        "80",
                        DECODE,
                        "size_t page = in ? pages[b * max_pages + (pos >> page_shift)] : 0;",
                        "size_t page = pages[b * max_pages + (pos >> page_shift)];",
                        OUT_OF_BOUNDS),
                bug(
                        "waits for one group too few",
                        "80",
                        DECODE,
                        "cp_async_wait<1>()",
                        "cp_async_wait<2>()",
                        MISSING_WAIT),
                bug("scratch of the next warp", "80", DECODE, "+ warp * TILE;", "+ (warp + 1) * TILE;", OUT_OF_BOUNDS),
                bug("scratch shared by all warps", "80", DECODE, "+ warp * TILE;", ";", RACE));
    }

    private static List<PlantedBug> prefill() {
        return List.of(
                bug(
                        "no barrier at the loop's end (prefill)",
                        "80",
                        PREFILL,
                        drop("BUG_NO_SYNCTHREADS"),
                        "#if 0\n",
                        RACE),
                bug("wrong ldmatrix swizzle", "80", PREFILL, take("BUG_SWIZZLE"), "#if 1\n"),
                bug(
                        "global write one row past the end",
                        "80",
                        PREFILL,
                        take("BUG_GLOBAL_OOB"),
                        "#if 1\n",
                        OUT_OF_BOUNDS),
                bug(
                        "no barrier after the cp.async wait",
                        "80",
                        PREFILL,
                        "cp_async_wait<0>();\n    __syncthreads();",
                        "cp_async_wait<0>();",
                        RACE_IN_WARP),
                bug(
                        "no commit of the next tile",
                        "80",
                        PREFILL,
                        "cp_async_commit(); cp_async_wait<1>();",
                        "cp_async_wait<1>();",
                        MISSING_WAIT),
                bug(
                        "ldmatrix row 2 bytes off",
                        "80",
                        PREFILL,
                        "ldmatrix_x4(r, kt + at(",
                        "ldmatrix_x4(r, kt + 1 + at(",
                        MISALIGNED),
                bug(
                        "cp.async source 8 bytes off",
                        "80",
                        PREFILL,
                        "+ h) * D + c * 8, in);",
                        "+ h) * D + c * 8 + 4, in);",
                        MISALIGNED));
    }

    private static List<PlantedBug> barriers() {
        return List.of(
                bug("wgmma descriptor of another swizzle", "90a", WGMMA, take("BUG_SWIZZLE"), "#if 1\n"),
                bug(
                        "no wait for the full mbarrier",
                        "90a",
                        WGMMA,
                        drop("BUG_NO_FULL_WAIT"),
                        "#if 0\n",
                        MISSING_WAIT,
                        UNINITIALISED),
                bug("no wait for the empty mbarrier", "90a", WGMMA, drop("BUG_NO_EMPTY_WAIT"), "#if 0\n", MBARRIER),
                bug("no wgmma wait", "90a", WGMMA, drop("BUG_NO_WGMMA_WAIT"), "#if 0\n", MISSING_WAIT),
                bug(
                        "no barrier after mbarrier.init",
                        "90a",
                        WGMMA,
                        drop("BUG_NO_SYNCTHREADS"),
                        "#if 0\n",
                        RACE,
                        MBARRIER),
                bug("stage released by one warp of four", "90a", WGMMA, take("BUG_ONE_ARRIVAL"), "#if 1\n", RACE),
                bug(
                        "more transaction bytes than copied",
                        "90a",
                        WGMMA,
                        "(BM + BN) * BK * 2);",
                        "(BM + BN) * BK * 2 + 16);",
                        DEADLOCK));
    }

    private static List<PlantedBug> copies() {
        return List.of(
                bug(
                        "fewer transaction bytes than copied",
                        "90a",
                        WGMMA,
                        "(BM + BN) * BK * 2);",
                        "BM * BK * 2);",
                        MBARRIER),
                bug(
                        "wrong parity of the full mbarrier",
                        "90a",
                        WGMMA,
                        "mbar_wait(full + s, t / STAGES & 1);",
                        "mbar_wait(full + s, ~t / STAGES & 1);",
                        MISSING_WAIT,
                        UNINITIALISED),
                bug("no fence.mbarrier_init", "90a", WGMMA, "    fence_mbar_init();\n", "", MISSING_FENCE),
                bug("no wgmma.fence", "90a", WGMMA, "      wgmma_fence();\n", "", MISSING_FENCE),
                bug(
                        "a store before wgmma, no fence.proxy.async",
                        "90a",
                        WGMMA,
                        "      wgmma_fence();",
                        TOUCH + "__syncwarp(); wgmma_fence();",
                        MISSING_FENCE),
                bug(
                        "TMA target 16 bytes off",
                        "90a",
                        WGMMA,
                        "tma_load_2d(as + s * BM * BK,",
                        "tma_load_2d(as + 8 + s * BM * BK,",
                        MISALIGNED),
                bug(
                        "one stage too many for the memory",
                        "90a",
                        WGMMA,
                        "#define STAGES 3",
                        "#define STAGES 4",
                        OUT_OF_BOUNDS));
    }

    /** Changes that are right. */
    private static List<PlantedBug> harmless() {
        return List.of(
                bug(
                        "a store before wgmma, with its fence",
                        "90a",
                        WGMMA,
                        "      wgmma_fence();",
                        TOUCH + "fence_proxy_async(); __syncwarp(); wgmma_fence();"),
                bug("named barrier with a count", "80", PREFILL, "__syncthreads();", "bar_sync(1, 128);"),
                bug("all lanes store the same value", "80", GEMV, "if (lane == 0) y[row] = s;", "y[row] = s;"),
                bug("waits for one group too many", "80", DECODE, "cp_async_wait<1>()", "cp_async_wait<0>()"),
                bug(
                        "more barriers than needed",
                        "80",
                        NORM,
                        "float scale = part[0];",
                        "__syncthreads(); float scale = part[0]; __syncthreads();"));
    }

    private static IntStream schedules(int first) {
        return IntStream.range(first, first + Integer.getInteger("espalier.schedules", 1))
                .map(s -> s % SCHEDULES);
    }

    @TestFactory
    Stream<DynamicTest> eachBugIsFoundByTheCheckThatNamesIt() {
        List<PlantedBug> bugs = all();
        return IntStream.range(0, bugs.size())
                .mapToObj(k -> dynamicTest(bugs.get(k).what(), () -> {
                    PlantedBug bug = bugs.get(k);
                    schedules(k)
                            .forEach(s -> bug.planted(s).ifPresent(got -> {
                                assertThat(got.names(bug))
                                        .as("schedule %d: %s %s", s, bug.kinds(), got)
                                        .isTrue();
                            }));
                }));
    }

    @TestFactory
    Stream<DynamicTest> changesThatAreRightRaiseNothing() {
        List<PlantedBug> changes = harmless();
        return IntStream.range(0, changes.size())
                .mapToObj(k -> dynamicTest(
                        changes.get(k).what(),
                        () -> schedules(k)
                                .forEach(s -> changes.get(k).planted(s).ifPresent(got -> {
                                    assertThat(got.findings()).isEmpty();
                                    assertThat(got.right()).isTrue();
                                }))));
    }

    /** Changes that are right but slow. */
    @TestFactory
    Stream<DynamicTest> bankConflictsAreCounted() {
        Map<PlantedBug, Integer> slow = Map.of(
                bug("rows not padded", "80", DECODE, "#define ROW (HEAD_DIM + 8)", "#define ROW HEAD_DIM"), 8,
                bug("no swizzle", "80", PREFILL, "return r * D + (c ^ (r & 7)) * 8;", "return r * D + c * 8;"), 8,
                bug("half a swizzle", "80", PREFILL, "(c ^ (r & 7)) * 8;", "(c ^ (r & 3)) * 8;"), 2,
                bug("nothing changed", "80", PREFILL, "return r * D", "return r * D"), 1);
        return slow.entrySet().stream()
                .map(e -> dynamicTest(
                        e.getKey().what(),
                        () -> e.getKey().planted(0).ifPresent(got -> {
                            assertThat(got.isClean()).isTrue();
                            assertThat(got.worstConflict()).isEqualTo((double) e.getValue());
                        })));
    }
}
