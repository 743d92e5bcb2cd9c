package espalier.cuda.sim;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Instructions by which lanes, warps, blocks and launches meet (PTX ISA 9.7.9.6, 9.7.13): shuffles, votes, barriers,
 * fences, clusters, dependent launches; and the few that concern the machine only.
 */
final class CollectiveDecoder {
    private static final Pattern FENCE =
            Pattern.compile("fence(\\.(acq_rel|sc|acquire|release))?\\.(cta|gpu|sys|cluster)|membar\\.(cta|gl|sys)");
    private static final Pattern BARRIER = Pattern.compile("(bar|barrier)(\\.cta)?\\.(sync|arrive)(\\.aligned)?");
    private static final Pattern CLUSTER_ARRIVE =
            Pattern.compile("barrier\\.cluster\\.arrive(\\.release|\\.relaxed)?(\\.aligned)?");
    private static final Pattern CLUSTER_WAIT = Pattern.compile("barrier\\.cluster\\.wait(\\.acquire)?(\\.aligned)?");
    private static final int FEWEST_REGISTERS = 24, MOST_REGISTERS = 256;
    private final Registers names;

    CollectiveDecoder(Registers names) {
        this.names = names;
    }

    Instruction decode(String op, String[] o) {
        return switch (op.split("\\.", 2)[0]) {
            case "shfl" -> shuffle(op, o);
            case "vote" -> vote(op, o);
            case "match" -> match(op, o);
            case "redux" -> reduce(op, o);
            case "activemask" -> activeMask(o);
            case "elect" -> elect(op, o);
            case "bar", "barrier" -> barrier(op, o);
            case "mapa" -> mapAddress(op, o);
            case "membar", "fence" -> fence(op);
            case "griddepcontrol" -> dependency(op);
            case "setmaxnreg" -> registers(o);
            case "nanosleep", "pmevent" -> Instruction.plain((w, in, m) -> {});
            default -> null;
        };
    }

    private Instruction shuffle(String op, String[] o) {
        if (!op.matches("shfl\\.sync\\.(up|down|bfly|idx)\\.b32")) {
            return null;
        }
        String[] d = o[0].split("\\|");
        char mode = op.split("\\.")[2].charAt(0);
        int to = names.i(d[0]), p = d.length > 1 ? names.p(d[1]) : -1;
        int a = names.i(o[1]), b = names.i(o[2]), c = names.i(o[3]);
        return Instruction.masked(
                names.i(o[4]), (w, in, m) -> Collectives.shuffle(w, in, m, mode, to, p, w.r[a], w.r[b], w.r[c]));
    }

    private Instruction vote(String op, String[] o) {
        if (!op.matches("vote\\.sync\\.(ballot\\.b32|(all|any|uni)\\.pred)")) {
            return null;
        }
        String kind = op.split("\\.")[2];
        boolean not = o[1].startsWith("!"), ballot = kind.equals("ballot");
        int d = ballot ? names.i(o[0]) : names.p(o[0]), a = names.p(not ? o[1].substring(1) : o[1]);
        return Instruction.masked(names.i(o[2]), (w, in, m) -> {
            int yes = (not ? ~w.p[a] : w.p[a]) & m;
            boolean agreed = switch (kind) {
                case "all" -> yes == m;
                case "any" -> yes != 0;
                default -> yes == m || yes == 0;
            };
            if (ballot) {
                Collectives.spread(w.r[d], yes, m);
            } else {
                w.p[d] = agreed ? w.p[d] | m : w.p[d] & ~m;
            }
        });
    }

    private Instruction match(String op, String[] o) {
        boolean all = op.startsWith("match.all.sync"), wide = op.endsWith(".b64");
        if (!op.matches("match\\.(any|all)\\.sync\\.b(32|64)")) {
            return null;
        }
        String[] to = o[0].split("\\|");
        int d = names.i(to[0]), p = to.length > 1 ? names.p(to[1]) : -1, a = wide ? names.q(o[1]) : names.i(o[1]);
        return Instruction.masked(
                names.i(o[2]),
                (w, in, m) -> Collectives.match(w, m, all, d, p, wide ? w.q[a] : null, w.r[wide ? 0 : a]));
    }

    private Instruction reduce(String op, String[] o) {
        if (!op.matches("redux\\.sync\\.(add|min|max|and|or|xor)\\.[bus]32")) {
            return null;
        }
        String[] t = op.split("\\.");
        Alu.Update update = Alu.ATOMIC.get(t[2] + "." + t[3]);
        int d = names.i(o[0]), a = names.i(o[1]);
        return Instruction.masked(names.i(o[2]), (w, in, m) -> {
            long sum = w.first(a, m);
            for (int s = m & m - 1; s != 0; s &= s - 1) {
                sum = update.of(sum, w.r[a][Integer.numberOfTrailingZeros(s)]);
            }
            Collectives.spread(w.r[d], (int) sum, m);
        });
    }

    private Instruction activeMask(String[] o) {
        int d = names.i(o[0]);
        return Instruction.plain((w, in, m) -> Collectives.spread(w.r[d], m, m));
    }

    private Instruction elect(String op, String[] o) {
        String[] to = o[0].split("\\|");
        int d = names.result(to[0]), p = names.p(to[1]);
        return !op.equals("elect.sync")
                ? null
                : Instruction.masked(names.i(o[1]), (w, in, m) -> {
                    Collectives.spread(w.r[d], Integer.numberOfTrailingZeros(m), m);
                    w.p[p] = w.p[p] & ~m | Integer.lowestOneBit(m);
                });
    }

    private Instruction barrier(String op, String[] o) {
        if (op.equals("bar.warp.sync")) {
            return Instruction.masked(names.i(o[0]), (w, in, m) -> w.tick());
        }
        if (BARRIER.matcher(op).matches()) {
            int a = names.i(o[0]), count = o.length > 1 ? names.i(o[1]) : -1;
            boolean waits = op.contains(".sync");
            return Instruction.collective(
                    Instruction.LIVE,
                    (w, in, m) ->
                            w.block.barriers.arrive(w, in, w.first(a, m), count < 0 ? -1 : w.first(count, m), waits));
        }
        if (op.matches("(bar|barrier)(\\.cta)?\\.red(\\.aligned)?\\.(popc\\.u32|(and|or)\\.pred)")) {
            return reducingBarrier(op, o);
        }
        if (CLUSTER_ARRIVE.matcher(op).matches()) {
            boolean relaxed = op.contains(".relaxed");
            return Instruction.collective(Instruction.LIVE, (w, in, m) -> w.block.clusterArrive(w, relaxed));
        }
        return CLUSTER_WAIT.matcher(op).matches()
                ? Instruction.collective(Instruction.LIVE, (w, in, m) -> w.block.clusterWait(w, in))
                : null;
    }

    /** bar.red: __syncthreads_count, _and, _or. */
    private Instruction reducingBarrier(String op, String[] o) {
        boolean count = op.contains(".popc"), all = op.contains(".and");
        int d = count ? names.i(o[0]) : names.p(o[0]), id = names.i(o[1]);
        String last = o[o.length - 1];
        boolean not = last.startsWith("!");
        int p = names.p(not ? last.substring(1) : last), threads = o.length > 3 ? names.i(o[2]) : -1;
        return Instruction.collective(Instruction.LIVE, (w, in, m) -> {
            w.block.barriers.vote(w, w.first(id, m), Integer.bitCount((not ? ~w.p[p] : w.p[p]) & m), (yes, of) -> {
                if (count) {
                    Collectives.spread(w.r[d], yes, m);
                } else {
                    w.p[d] = (all ? yes == of : yes > 0) ? w.p[d] | m : w.p[d] & ~m;
                }
            });
            w.block.barriers.arrive(w, in, w.first(id, m), threads < 0 ? -1 : w.first(threads, m), true);
        });
    }

    private Instruction mapAddress(String op, String[] o) {
        if (op.equals("mapa.u64")) {
            int d = names.q(o[0]), a = names.q(o[1]), rank = names.i(o[2]);
            return Instruction.plain((w, in, m) -> {
                for (int l = 0; l < Alu.LANES; l++) {
                    w.q[d][l] = (m >> l & 1) != 0 ? w.q[a][l] | (long) w.r[rank][l] + 1 << Block.RANK : w.q[d][l];
                }
            });
        }
        int d = names.i(o[0]), a = names.i(o[1]), rank = names.i(o[2]);
        return !op.equals("mapa.shared::cluster.u32")
                ? null
                : Instruction.plain((w, in, m) -> {
                    for (int l = 0; l < Alu.LANES; l++) {
                        w.r[d][l] = (m >> l & 1) != 0 ? w.r[a][l] | w.r[rank][l] + 1 << Block.RANK : w.r[d][l];
                    }
                });
    }

    private static Instruction fence(String op) {
        if (FENCE.matcher(op).matches()) {
            return Instruction.plain((w, in, m) -> w.fence());
        }
        boolean proxy = op.startsWith("fence.proxy.async"), init = op.startsWith("fence.mbarrier_init");
        return !proxy && !init
                ? null
                : Instruction.plain((w, in, m) -> {
                    Mbarriers.fenceInit(w);
                    if (proxy) {
                        w.fenceProxy();
                    }
                });
    }

    private static Instruction dependency(String op) {
        return switch (op) {
            case "griddepcontrol.wait" -> Instruction.plain((w, in, m) -> w.block.waitForLaunches(w));
            case "griddepcontrol.launch_dependents" -> Instruction.plain((w, in, m) -> {});
            default -> null;
        };
    }

    private static Instruction registers(String[] o) {
        int n = Integer.parseInt(List.of(o).getFirst());
        if (n < FEWEST_REGISTERS || n > MOST_REGISTERS || n % 8 != 0) {
            throw new PtxParser.Unsupported("number of registers");
        }
        return Instruction.collective(Instruction.ALL, (w, in, m) -> w.block.setRegisters(w, in, n));
    }
}
