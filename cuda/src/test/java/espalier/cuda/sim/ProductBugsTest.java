package espalier.cuda.sim;

import static espalier.cuda.sim.Finding.Kind.DEADLOCK;
import static espalier.cuda.sim.Finding.Kind.MBARRIER;
import static espalier.cuda.sim.Finding.Kind.MISSING_FENCE;
import static espalier.cuda.sim.Finding.Kind.MISSING_WAIT;
import static espalier.cuda.sim.Finding.Kind.OUT_OF_BOUNDS;
import static espalier.cuda.sim.Finding.Kind.RACE;
import static espalier.cuda.sim.Finding.Kind.UNINITIALISED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import espalier.cuda.cases.KernelCase;
import espalier.cuda.cases.KernelCases;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Known mistakes in the product's own Hopper kernels: whoever changes these is told by the same checks. A place that has
 * moved fails too: plant the mistake where it now would be made.
 */
class ProductBugsTest {
    private static final int SCHEDULES = 3;
    private static final String FLASH = "prefill attention 4/1 x 128 page 1 [140, 5]";
    private static final String PAGED = "prefill attention 8/2 x 128 page 1 [40, 6]";
    private static final String FAR_APART = "prefill attention 4/1 x 128 page 1 [9] of [300] scores far apart";
    private static final String TOKENS = "decode attention 8/2 x 128 page 1 [64, 65, 0, 130]";
    private static final String NARROW = "decode attention 4/2 x 96 page 3 [300, 0, 17]";
    private static final String LONG = "decode attention 8/2 x 128 page 16 [1100, 5]";
    private static final String PRODUCT = "product wgmma 17x272x1024";
    private static final String PROMPT = "product of prompts 300x272x328";
    private static final String CLUSTERED_PROMPT = "product of prompts 1030x784x72";
    private static final String TILE = "    const Tile t = slots[n & 1].t; const int head = slots[n & 1].head;\n"
            + "#ifdef SECTION\n    const int part = slots[n & 1].part;\n#endif\n";
    private static final String PIPELINE = "product wgmma 33x1040x256";

    private static PlantedBug bug(String what, String test, String old, String with, Finding.Kind... kinds) {
        KernelCase found = KernelCases.all().stream()
                .filter(c -> c.name().startsWith(test))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no case " + test));
        return new PlantedBug(
                what,
                "90a",
                bench -> {
                    found.check(bench);
                    return true;
                },
                old,
                with,
                Set.of(kinds));
    }

    private static List<PlantedBug> prefill() {
        return List.of(
                bug("no wait for V", FLASH, "mbar_wait(sh.v_full(vs), Ring::phase(x.kv - 1));", "", MISSING_WAIT),
                bug(
                        "tile released before it is read",
                        FLASH,
                        TILE + "    __syncwarp();\n    release(sh.t_empty(n & 1), lane);",
                        "release(sh.t_empty(n & 1), lane); __syncwarp();\n" + TILE,
                        RACE),
                bug(
                        "wrong phase of the empty slots",
                        FLASH,
                        "uint32_t ph = Ring::phase(kv) ^ 1;",
                        "uint32_t ph = Ring::phase(kv);",
                        DEADLOCK),
                bug("nobody has the first turn", FLASH, "if (wg == NWG - 1) bar_arrive(1, 256);", "", DEADLOCK),
                bug(
                        "half the expected bytes",
                        FLASH,
                        "mbar_expect(full, KV_BYTES);",
                        "mbar_expect(full, KV_BYTES / 2);",
                        MBARRIER),
                bug("V's chunks elsewhere", FLASH, "smem_desc(sh.v, BN * 128)", "smem_desc(sh.v, BN * 64)"),
                bug("counter reset without a fence", FLASH, "__threadfence();", "", RACE),
                bug("scores past the limit are kept", FAR_APART, "again(x, w, u, x.j + 1);", ";"),
                bug("a neighbour's row is done again as well", FAR_APART, "& 15) != 0", "& 255) != 0"),
                bug(
                        "no proxy fence after cp.async",
                        PAGED,
                        "if (gathered(x.prefix, x.j)) fence_proxy_async();",
                        "",
                        MISSING_FENCE),
                bug("arrival before the copies", PAGED, "cp_async_arrive(full);", "mbar_arrive(full);", MISSING_WAIT),
                bug("gather without swizzle", PAGED, "((c % 8) ^ (r0 % 8)) * 16;", "(c % 8) * 16;"));
    }

    private static List<PlantedBug> decode() {
        return List.of(
                bug(
                        "no wait for the copies",
                        TOKENS,
                        "mbar_wait(full + 8 * s, i / STAGES & 1);",
                        "",
                        MISSING_WAIT,
                        UNINITIALISED),
                bug(
                        "slot released by one warp",
                        LONG,
                        "mbar_init(empty + 8 * i, WARPS);",
                        "mbar_init(empty + 8 * i, 1);",
                        DEADLOCK,
                        RACE,
                        MBARRIER),
                bug("wrong phase of the empty slots", LONG, "(i / STAGES - 1) & 1", "(i / STAGES) & 1", DEADLOCK, RACE),
                bug("no barrier after the claim", TOKENS, "bar_sync(1, PRODUCERS * 32);", "", RACE, UNINITIALISED),
                bug("ldmatrix without swizzle", TOKENS, "((half ^ x) * 16", "(half * 16"),
                bug("no fence.mbarrier_init", TOKENS, "    fence_mbar_init();\n", "", MISSING_FENCE),
                bug("counter reset without a fence", TOKENS, "__threadfence();", "", RACE),
                bug(
                        "page table read past the end",
                        NARROW,
                        "min(tok + lane / 8 * TILE + row, end - 1)",
                        "tok + lane / 8 * TILE + row",
                        OUT_OF_BOUNDS),
                bug(
                        "reads before the launch before has ended",
                        TOKENS,
                        "    pdl_wait_previous();\n    for (int b = threadIdx.x;",
                        "    for (int b = threadIdx.x;",
                        RACE),
                bug(
                        "reads the newest token before it is written",
                        TOKENS,
                        "if (s_tok + (j + 1) * TILE >= seqs[s_seq].y) pdl_wait_previous();",
                        "",
                        RACE),
                bug(
                        "the newest key turns with another rounding than rope's",
                        "rotating decode attention 8/2 x 128 page 1",
                        "turn_two(x, y, make_float2(u.x, u.y), make_float2(u.z, u.w));",
                        "uint32_t p = x, q = y; turn_two(x, y, make_float2(u.x, u.y), make_float2(u.z, u.w));"
                                + " y = pack(__fmaf_rn(lo(q), u.x, lo(p) * u.y), __fmaf_rn(hi(q), u.z, hi(p) * u.w));"));
    }

    private static List<PlantedBug> product() {
        return List.of(
                bug("stage released before its wgmma", PIPELINE, "      wgmma_wait<1>();\n", "", RACE),
                bug(
                        "wrong phase of the full stages",
                        PIPELINE,
                        "mbar_wait(full + s * 8, parity);",
                        "mbar_wait(full + s * 8, parity ^ 1);",
                        MISSING_WAIT,
                        UNINITIALISED),
                bug("x not expected", PRODUCT, "W_BYTES + X_BYTES);", "W_BYTES);", MBARRIER, UNINITIALISED),
                bug("no wait for the other block", PRODUCT, "mbar_wait(received, 0);", "", MISSING_WAIT, UNINITIALISED),
                bug("no cluster barrier", PRODUCT, "  cluster_sync();\n", "  __syncthreads();\n", RACE, MBARRIER),
                bug(
                        "the wrong block's bytes expected",
                        "product wgmma 100x256x520",
                        "(rank ? GROUPS - SLICE : SLICE) * CONSUMERS",
                        "(rank ? SLICE : GROUPS - SLICE + 1) * CONSUMERS",
                        DEADLOCK),
                bug(
                        "data here, signal there",
                        PRODUCT,
                        "theirs = map_cluster(mine, rank ^ 1)",
                        "theirs = map_cluster(mine, rank)",
                        OUT_OF_BOUNDS),
                bug(
                        "the last sequences where they would be alone",
                        "product wgmma 300x256x136",
                        "const int s0 = first_of(tile)",
                        "const int s0 = tile % m_tiles * MT"),
                bug(
                        "no fence.mbarrier_init",
                        PRODUCT,
                        "    fence_mbar_init();\n    fence_proxy_async();\n",
                        "",
                        MISSING_FENCE));
    }

    private static List<PlantedBug> prompts() {
        return List.of(
                bug("stage released before its wgmma", PROMPT, "        wgmma_wait<1>();\n", "", RACE),
                bug(
                        "a tile begun before the other's has come",
                        PROMPT,
                        "      bar_sync(1 + group, 256);\n",
                        "",
                        RACE,
                        MISSING_WAIT,
                        UNINITIALISED),
                bug(
                        "the tensor cores never given away",
                        PROMPT,
                        "if (i + 1 == steps) bar_arrive(2 - group, 256);",
                        "",
                        DEADLOCK),
                bug(
                        "the first stages' weights loaded again",
                        PROMPT,
                        "if (tile != first || i >= early)",
                        "if (true)",
                        MBARRIER,
                        RACE,
                        DEADLOCK),
                bug("the last rows of X where they would be alone", PROMPT, "loaded(top, rows, 128)", "top"),
                bug(
                        "others' columns stored at the place of the last",
                        PROMPT,
                        "loaded(left, out, OUT_COLUMNS)",
                        "left"),
                bug(
                        "words exchanged with the wrong neighbour",
                        PROMPT,
                        "high ? v[1] : v[3], 2",
                        "high ? v[1] : v[3], 1"),
                bug(
                        "one block of a cluster ends at once",
                        CLUSTERED_PROMPT,
                        "  if (warp < 4) {",
                        "  if (blockIdx.x % CLUSTER) return;\n  if (warp < 4) {",
                        DEADLOCK,
                        OUT_OF_BOUNDS,
                        MBARRIER),
                bug(
                        "stage released in one block alone",
                        CLUSTERED_PROMPT,
                        "map_cluster(empty, lane & 1)",
                        "map_cluster(empty, blockIdx.x % CLUSTER)",
                        RACE),
                bug(
                        "multicast to one block alone",
                        CLUSTERED_PROMPT,
                        "run * second, 3, ",
                        "run * second, 1 << run, ",
                        DEADLOCK,
                        UNINITIALISED,
                        MBARRIER),
                bug(
                        "multicast to a block that is not there",
                        CLUSTERED_PROMPT,
                        "run * second, 3, ",
                        "run * second, 7, ",
                        OUT_OF_BOUNDS),
                bug(
                        "the other's run not expected",
                        CLUSTERED_PROMPT,
                        "expect(full + s * 8, STAGE_BYTES)",
                        "expect(full + s * 8, STAGE_BYTES - RUN_BYTES)",
                        MBARRIER,
                        RACE),
                bug(
                        "no cluster barrier at the start",
                        CLUSTERED_PROMPT,
                        "  sync_blocks();\n  if (threadIdx",
                        "  __syncthreads();\n  if (threadIdx",
                        RACE,
                        MBARRIER));
    }

    @TestFactory
    Stream<DynamicTest> eachBugIsFoundByTheCheckThatNamesIt() {
        List<PlantedBug> bugs = Stream.of(prefill(), decode(), product(), prompts())
                .flatMap(List::stream)
                .toList();
        int each = Integer.getInteger("espalier.schedules", 1);
        return IntStream.range(0, bugs.size())
                .mapToObj(k -> dynamicTest(k + " " + bugs.get(k).what(), () -> {
                    PlantedBug bug = bugs.get(k);
                    for (int s = k; s < k + each; s++) {
                        int schedule = s % SCHEDULES;
                        bug.planted(schedule)
                                .ifPresent(got -> assertThat(got.names(bug))
                                        .as("schedule %d: %s %s", schedule, bug.kinds(), got)
                                        .isTrue());
                    }
                }));
    }
}
