package espalier.cuda.gpu;

import espalier.api.EngineFault;
import espalier.cuda.cases.KernelCase;
import espalier.cuda.cases.KernelCases;
import espalier.cuda.cases.Workbench;
import espalier.cuda.driver.CudaDriver;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Libraries;
import espalier.cuda.sim.SimulatedDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.ObjectMapper;

/**
 * Runs kernel cases on a GPU and writes one line of JSON a case as it ends. A fault of the device ends the process with
 * status {@value #AGAIN}: the same command then goes on behind the case that brought it.
 *
 * <p>{@code check OUT SHARD SHARDS} compares with the references, {@code time OUT [FILTER]} measures.
 */
public final class GpuKernels {
    private static final int AGAIN = 3;
    private static final String SIMULATED = "espalier.gpu.simulated";
    /** Seconds until a kernel counts as hanging. */
    private static final String PATIENCE = "espalier.gpu.patience";

    private final ObjectMapper json = new ObjectMapper();
    private final Path results;
    private final Path begun;

    private GpuKernels(Path out, String name) throws IOException {
        Files.createDirectories(out);
        results = out.resolve("kernels-" + name + ".jsonl");
        begun = out.resolve("kernels-" + name + ".begun");
    }

    public static void main(String[] args) throws IOException {
        boolean timing = args[0].equals("time");
        Path out = Path.of(args[1]);
        int shard = timing ? 0 : Integer.parseInt(args[2]);
        int shards = timing ? 1 : Integer.parseInt(args[3]);
        String filter = timing && args.length > 2 ? args[2] : "";
        var cases = new ArrayList<KernelCase>();
        for (KernelCase each : KernelCases.all()) {
            if (each.name().contains(filter)) {
                cases.add(each);
            }
        }
        List<KernelCase> mine = new ArrayList<>();
        for (int i = shard; i < cases.size(); i += shards) {
            mine.add(cases.get(i));
        }
        System.exit(new GpuKernels(out, timing ? "time" : "check" + shard).run(mine, timing, driver()));
    }

    /** The first GPU, or what {@value #SIMULATED} names: a rehearsal. */
    static Driver driver() {
        String simulated = System.getProperty(SIMULATED, "");
        if (!simulated.isEmpty()) {
            return SimulatedDriver.open(SimulatedDriver.Setup.of(simulated).memoryBytes(2L << 30))
                    .orElseThrow();
        }
        var setup = new CudaDriver.Setup(
                Libraries.of(System::getProperty),
                Path.of(System.getProperty("espalier.gpu.cache", "cache")),
                Duration.ofSeconds(Long.getLong(PATIENCE, 20)));
        return CudaDriver.open(0, setup);
    }

    private int run(List<KernelCase> cases, boolean timing, Driver driver) throws IOException {
        List<String> past = Files.exists(begun) ? Files.readAllLines(begun) : List.of();
        for (KernelCase each : cases) {
            if (past.contains(each.name()) || !each.runsOn(driver.properties())) {
                continue;
            }
            append(begun, each.name());
            var line = new LinkedHashMap<String, Object>();
            line.put("case", each.name());
            line.put("device", driver.properties().name());
            boolean lost = one(each, timing, driver, line);
            append(results, json.writeValueAsString(line));
            System.out.println(json.writeValueAsString(line));
            if (lost) {
                Runtime.getRuntime().halt(AGAIN);
            }
        }
        return 0;
    }

    /** True where the device is lost. */
    private static boolean one(KernelCase each, boolean timing, Driver driver, Map<String, Object> line) {
        long start = System.nanoTime();
        boolean lost = false;
        try {
            var bench = new Workbench(driver);
            if (timing) {
                each.time(bench);
            } else {
                each.check(bench);
            }
            line.put("ok", true);
            line.put("worst", bench.worstError());
            line.put("timings", bench.timings().stream().map(GpuKernels::timing).toList());
            bench.close();
        } catch (AssertionError wrong) {
            line.put("ok", false);
            line.put("error", String.valueOf(wrong.getMessage()));
        } catch (RuntimeException broken) {
            line.put("ok", false);
            line.put(
                    "error",
                    broken + " at "
                            + List.of(broken.getStackTrace()).subList(0, Math.min(6, broken.getStackTrace().length)));
            lost = broken instanceof EngineFault f && f.code() == EngineFault.Code.DEVICE;
        }
        line.put("seconds", Math.round((System.nanoTime() - start) / 1e7) / 100.0);
        return lost;
    }

    private static Map<String, Object> timing(Workbench.Timing t) {
        var map = new LinkedHashMap<String, Object>();
        map.put("what", t.what());
        map.put("us", Math.round(t.microseconds() * 100) / 100.0);
        if (t.bytes() > 0) {
            map.put("GB/s", Math.round(t.gigabytesPerSecond()));
        }
        if (t.flops() > 0) {
            map.put("TFLOP/s", Math.round(t.teraflops() * 10) / 10.0);
        }
        return map;
    }

    private static void append(Path file, String line) throws IOException {
        Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
