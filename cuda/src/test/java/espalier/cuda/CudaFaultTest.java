package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.cuda.sim.SimulatedDriver;
import espalier.engine.LocalEngine;
import espalier.tensor.DType;
import espalier.tensor.KvCache;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every call of the driver may fail: at a start with a fault, while serving with a failure of each request and an engine that
 * says so; never a hang. Errors of the libraries below the driver are {@link CudaLifetimeTest}'s.
 */
@Timeout(120)
class CudaFaultTest {
    private static final String WORDS = ": CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access)";

    private static Optional<SimulatedDriver> driver() {
        return SimulatedDriver.open(SimulatedDriver.Setup.of("90a").unchecked());
    }

    private static LocalEngine start(SimulatedDriver driver) {
        return TinyEngine.start(driver, SimulatedDevices.setup(4));
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
            assertThat(TinyEngine.serve(engine)).hasOnlyElementsOfType(Emission.Done.class);
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
        return new EngineFault(EngineFault.Code.DEVICE, call + WORDS);
    }

    /** In its first step, and with tokens sent already. */
    @Test
    void aCallThatFailsWhileServingFailsEveryRequestAndTheEngine() throws InterruptedException {
        Optional<SimulatedDriver> clean = driver();
        if (clean.isEmpty()) {
            return;
        }
        Map<String, Integer> serving = calls(clean.get()).serving;
        assertThat(serving.keySet()).contains("launchGraph", "launch", "upload", "download", "record", "await");
        for (Map.Entry<String, Integer> call : serving.entrySet()) {
            for (int skip = 0; skip < Math.min(2, call.getValue()); skip++) {
                SimulatedDriver driver = driver().orElseThrow();
                try (LocalEngine engine = start(driver)) {
                    driver.faults().plan(call.getKey(), skip, fault(call.getKey()));
                    String at = call.getKey() + " after " + skip;
                    assertThat(TinyEngine.serve(engine))
                            .as(at)
                            .hasOnlyElementsOfType(Emission.Failed.class)
                            .allMatch(end -> end.toString().contains(call.getKey() + WORDS));
                    assertThat(engine.isHealthy()).as(at).isFalse();
                }
            }
        }
    }

    /** In whichever call the host is stuck: no driver promises to return. */
    @ParameterizedTest
    @ValueSource(strings = {"upload", "launch", "launchGraph", "await"})
    void aDeviceThatStopsAnsweringFailsTheRequestAndTheEngine(String call) throws InterruptedException {
        Optional<SimulatedDriver> driver = driver();
        if (driver.isEmpty()) {
            return;
        }
        var answers = new CountDownLatch(1);
        try (LocalEngine engine = TinyEngine.start(driver.get(), SimulatedDevices.setup(1), Duration.ofSeconds(1))) {
            driver.get().faults().plan(call, 0, () -> awaitUninterruptibly(answers));
            Emission end = TinyEngine.ending(engine.submit(TinyEngine.request("stuck", 1)));
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

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
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

    /** The first time that it is made, and halfway. */
    @Test
    void aCallThatFailsAtStartIsTheStartsFault() throws InterruptedException {
        Optional<SimulatedDriver> clean = driver();
        if (clean.isEmpty()) {
            return;
        }
        Map<String, Integer> starting = calls(clean.get()).starting;
        assertThat(starting.keySet()).contains("allocate", "beginCapture", "endCapture", "launch");
        for (Map.Entry<String, Integer> call : starting.entrySet()) {
            for (int skip : new int[] {0, call.getValue() / 2}) {
                SimulatedDriver driver = driver().orElseThrow();
                driver.faults().plan(call.getKey(), skip, fault(call.getKey()));
                Throwable thrown = catchThrowable(() -> start(driver).close());
                assertThat(thrown)
                        .as(call.getKey() + " after " + skip)
                        .isInstanceOf(EngineFault.class)
                        .hasMessageContaining(call.getKey() + WORDS);
            }
        }
    }
}
