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
import espalier.tensor.KvCache;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A GPU that fails, at its start or while it serves: one clear failure for whoever waits, and an engine that says so. */
@Timeout(60)
class CudaFaultTest {
    private static final String WORDS = "cuSomething: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access)";

    /** Calls of a step that serves, in the order of their first use. */
    @ParameterizedTest
    @ValueSource(strings = {"upload", "launch", "launchGraph", "download", "record", "await"})
    void aFaultWhileServingFailsTheRequestAndTheEngine(String call) throws InterruptedException {
        SimulatedDriver driver = SimulatedDriver.open(
                        SimulatedDriver.Setup.of("90a").unchecked())
                .orElse(null);
        if (driver == null) {
            return;
        }
        try (LocalEngine engine = engine(driver)) {
            assertThat(ending(engine.submit(request("before")))).isInstanceOf(Emission.Done.class);
            driver.faults().plan(call, 1, new EngineFault(EngineFault.Code.DEVICE, WORDS));
            Emission end = ending(engine.submit(request("during")));
            assertThat(end)
                    .isInstanceOfSatisfying(
                            Emission.Failed.class,
                            failed -> assertThat(failed.cause())
                                    .isInstanceOf(EngineFault.class)
                                    .hasMessageContaining(WORDS));
            assertThat(engine.isHealthy()).isFalse();
        }
    }

    /** In whichever call the host is stuck: no driver promises to return. */
    @ParameterizedTest
    @ValueSource(strings = {"upload", "launch", "launchGraph", "await"})
    void aDeviceThatStopsAnsweringFailsTheRequestAndTheEngine(String call) throws InterruptedException {
        SimulatedDriver driver = SimulatedDriver.open(
                        SimulatedDriver.Setup.of("90a").unchecked())
                .orElse(null);
        if (driver == null) {
            return;
        }
        var answers = new CountDownLatch(1);
        try (LocalEngine engine = engine(driver, Duration.ofSeconds(1))) {
            driver.faults().plan(call, 0, () -> awaitUninterruptibly(answers));
            Emission end = ending(engine.submit(request("stuck")));
            assertThat(end)
                    .isInstanceOfSatisfying(
                            Emission.Failed.class,
                            failed -> assertThat(failed.cause())
                                    .isInstanceOf(EngineFault.class)
                                    .hasMessageContaining("has not ended, nor moved for 1.0 s"));
            assertThat(engine.isHealthy()).isFalse();
            answers.countDown();
        }
    }

    @Test
    void whatTheGpuOrItsKernelsDoNotServeIsRefusedWithTheFlagToChange() {
        SimulatedDriver turing =
                SimulatedDriver.open(SimulatedDriver.Setup.of("75")).orElse(null);
        if (turing == null) {
            return;
        }
        assertThatThrownBy(() -> new CudaDevice(turing, SimulatedDevices.setup(0, DType.BF16)))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("compute capability 7.5")
                .hasMessageContaining("--dtype float16");
        try (var device = new CudaDevice(turing, SimulatedDevices.setup(0, DType.F16))) {
            assertThatThrownBy(() -> device.kvCache(new KvCache.Shape(1, 16, 2, 24, DType.F16)))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("heads have 24 elements")
                    .hasMessageContaining("--device cpu");
            assertThatThrownBy(() -> device.kvCache(new KvCache.Shape(1, 16, 2, 64, DType.F32)))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("--dtype bfloat16 or float16");
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aFaultAtAnyCallOfTheStartIsTheStartsFailure() {
        SimulatedDriver sound = SimulatedDriver.open(
                        SimulatedDriver.Setup.of("90a").unchecked())
                .orElse(null);
        if (sound == null) {
            return;
        }
        engine(sound).close();
        List<String> calls = new ArrayList<>(sound.faults().seen());
        assertThat(calls).contains("allocate", "beginCapture", "endCapture", "launch");
        for (String call : calls) {
            SimulatedDriver driver = SimulatedDriver.open(
                            SimulatedDriver.Setup.of("90a").unchecked())
                    .orElseThrow();
            driver.faults().plan(call, 0, new EngineFault(EngineFault.Code.DEVICE, WORDS));
            try {
                engine(driver).close();
                assertThat(call).as("may fail in silence").isIn("close", "free", "freePinned", "closeStream");
            } catch (EngineFault fault) {
                assertThat(fault).as(call).hasMessageContaining(WORDS);
            }
        }
    }

    private static LocalEngine engine(SimulatedDriver driver) {
        return engine(driver, Duration.ofMinutes(1));
    }

    private static LocalEngine engine(SimulatedDriver driver, Duration watchdog) {
        var device = new CudaDevice(driver, SimulatedDevices.setup(1));
        var folder = ModelFolder.open(GoldenModels.named("llama2-bf16").folder());
        var model = ModelLoader.load(folder.checkpoint(), List.of(device), LoadSettings.plain());
        int vocab = model.shape().vocab().size();
        var executor = RankedExecutor.start(model, new Capacity(2, 16, 64, 1, 32, DType.BF16), (_, _) -> {}, watchdog);
        var scheduler = new Scheduler(new Limits(64, 1, 2, 32, 16, 64, 10), Strategy.standard(), Set.of());
        var info = new EngineInfo("test", vocab, 32, Set.of(), 1, 64, 2);
        return LocalEngine.start(scheduler, executor, info, LoopOptions.of(1));
    }

    private static GenerateRequest request(String name) {
        var params = SamplingParams.builder()
                .maxNewTokens(4)
                .ignoreEos(true)
                .temperature(0)
                .build();
        return new GenerateRequest(name, Tokens.of(new int[] {1, 2, 3, 4, 5}), params);
    }

    private static Emission ending(Generation generation) throws InterruptedException {
        Emission next = generation.next();
        while (next instanceof Emission.Token) {
            next = generation.next();
        }
        return next;
    }
}
