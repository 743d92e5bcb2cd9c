package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
import espalier.cuda.sim.SimulatedDriver;
import espalier.engine.LocalEngine;
import espalier.engine.LoopOptions;
import espalier.exec.Capacity;
import espalier.exec.LoadSettings;
import espalier.exec.ModelLoader;
import espalier.exec.RankedExecutor;
import espalier.golden.GoldenModels;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import espalier.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every call of the driver may fail: at start with a fault, while serving with a failure of each request; never a hang. */
@Timeout(120)
class CudaFaultsTest {
    private static final int REQUESTS = 3;
    private static final int CONTEXT = 64;
    private static final int NEW_TOKENS = 4;

    private static Optional<SimulatedDriver> driver() {
        return SimulatedDriver.open(SimulatedDriver.Setup.of("90a").unchecked());
    }

    private static LocalEngine start(SimulatedDriver driver) {
        var device = new CudaDevice(driver, SimulatedDevices.setup(4));
        var model = ModelLoader.load(
                ModelFolder.open(GoldenModels.named("llama3-bf16").folder()).checkpoint(),
                List.of(device),
                LoadSettings.plain());
        int vocab = model.shape().vocab().size();
        var executor = RankedExecutor.start(model, new Capacity(REQUESTS, 32, 128, 1, CONTEXT, DType.BF16));
        var limits = new Limits(128, 1, REQUESTS, CONTEXT, 24, 1024, 100);
        var scheduler = new Scheduler(limits, Strategy.standard(), Set.of());
        var info = new EngineInfo("test", vocab, CONTEXT, Set.of(), 1, 128, REQUESTS);
        return LocalEngine.start(scheduler, executor, info, LoopOptions.of(1));
    }

    private static List<Emission> ends(LocalEngine engine) throws InterruptedException {
        var open = new ArrayList<Generation>();
        for (int i = 0; i < REQUESTS; i++) {
            var params = SamplingParams.builder()
                    .maxNewTokens(NEW_TOKENS)
                    .ignoreEos(true)
                    .temperature(0)
                    .build();
            open.add(engine.submit(new GenerateRequest("r" + i, Tokens.of(1 + i, 2, 3, 4), params)));
        }
        var ends = new ArrayList<Emission>();
        for (Generation each : open) {
            Emission next = each.next();
            while (next instanceof Emission.Token) {
                next = each.next();
            }
            ends.add(next);
        }
        return ends;
    }

    /** How often each call is made at start, and by serving. */
    private record Calls(Map<String, Integer> starting, Map<String, Integer> serving) {}

    private static Calls calls(SimulatedDriver driver) throws InterruptedException {
        var starting = new TreeMap<String, Integer>();
        var serving = new TreeMap<String, Integer>();
        try (LocalEngine engine = start(driver)) {
            driver.faults()
                    .seen()
                    .forEach(call -> starting.put(call, driver.faults().calls(call)));
            assertThat(ends(engine)).hasOnlyElementsOfType(Emission.Done.class);
            driver.faults().seen().forEach(call -> {
                int more = driver.faults().calls(call) - starting.getOrDefault(call, 0);
                if (more > 0) {
                    serving.put(call, more);
                }
            });
        }
        return new Calls(starting, serving);
    }

    private static EngineFault fault(String call) {
        return new EngineFault(EngineFault.Code.DEVICE, call + ": CUDA_ERROR_ILLEGAL_ADDRESS");
    }

    @Test
    void aCallThatFailsWhileServingFailsEveryRequest() throws InterruptedException {
        Optional<SimulatedDriver> clean = driver();
        if (clean.isEmpty()) {
            return;
        }
        Set<String> serving = calls(clean.get()).serving.keySet();
        assertThat(serving).contains("launchGraph", "launch", "upload");
        for (String call : serving) {
            SimulatedDriver driver = driver().orElseThrow();
            try (LocalEngine engine = start(driver)) {
                driver.faults().plan(call, 0, fault(call));
                List<Emission> ends = ends(engine);
                assertThat(ends.toString()).as(call).contains(call + ": CUDA_ERROR_ILLEGAL_ADDRESS");
            }
        }
    }

    @Test
    void aCallThatFailsAtStartIsTheStartsFault() throws InterruptedException {
        Optional<SimulatedDriver> clean = driver();
        if (clean.isEmpty()) {
            return;
        }
        for (Map.Entry<String, Integer> call : calls(clean.get()).starting.entrySet()) {
            SimulatedDriver driver = driver().orElseThrow();
            driver.faults().plan(call.getKey(), call.getValue() / 2, fault(call.getKey()));
            assertThatThrownBy(() -> start(driver).close())
                    .as(call.getKey())
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining(call.getKey() + ": CUDA_ERROR_ILLEGAL_ADDRESS");
        }
    }
}
