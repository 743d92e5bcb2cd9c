package espalier.cuda.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.cuda.cases.Workbench;
import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Event;
import espalier.cuda.driver.Graph;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.ProductLibrary;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import espalier.cuda.driver.TensorMap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Streams, graphs, copies, dependent launches and faults of the simulated device, and what it says of their misuse. */
class SimulatedDriverTest {
    private static void on(BiConsumer<SimulatedDriver, Workbench> test) {
        on(UnaryOperator.identity(), test);
    }

    private static void on(UnaryOperator<String> edit, BiConsumer<SimulatedDriver, Workbench> test) {
        SimulatedDriver.open(SimulatedDriver.Setup.of("90a").source(edit)).ifPresent(device -> {
            try (device;
                    var bench = new Workbench(device)) {
                test.accept(device, bench);
            }
        });
    }

    private static MemorySegment ints(SimulatedDriver device, int... values) {
        MemorySegment pinned = device.allocatePinned(4L * values.length);
        MemorySegment.copy(values, 0, pinned, ValueLayout.JAVA_INT, 0, values.length);
        return pinned;
    }

    @Test
    void aCopyFromPageLockedMemoryReadsItAsLateAsItMay() {
        on((device, b) -> {
            MemorySegment staging = ints(device, 1, 2);
            long x = device.allocate(8, "x");
            device.upload(b.stream(), staging, x);
            staging.set(ValueLayout.JAVA_INT, 0, 9); // too early
            assertThat(b.readInts(x, 2)).containsExactly(9, 2);
            device.upload(b.stream(), MemorySegment.ofArray(new int[] {4, 5}), x); // not page-locked: read at once
            assertThat(b.readInts(x, 2)).containsExactly(4, 5);
        });
    }

    @Test
    void aStreamWaitsForAnotherOnlyThroughAnEvent() {
        on((device, b) -> {
            Stream other = device.openStream();
            long x = b.zeros(4);
            device.synchronize(b.stream());
            device.fill(other, x, 7, 1);
            MemorySegment early = ints(device, 0), late = ints(device, 0);
            device.download(b.stream(), x, early);
            Event filled = device.openEvent(Event.Kind.MARK);
            device.record(filled, other);
            device.await(b.stream(), filled);
            device.download(b.stream(), x, late);
            device.synchronize(b.stream());
            assertThat(early.get(ValueLayout.JAVA_INT, 0)).isZero();
            assertThat(late.get(ValueLayout.JAVA_INT, 0)).isEqualTo(7);
            assertThat(device.reached(filled)).isTrue();
        });
    }

    @Test
    void aGraphRunsWhatWasRecordedWithThePointersOfThenAndTheContentsOfNow() {
        on((device, b) -> {
            MemorySegment staging = ints(device, 3);
            long x = b.zeros(4), y = b.zeros(4);
            device.beginCapture(b.stream());
            device.upload(b.stream(), staging, x);
            device.copy(b.stream(), x, y, 4);
            assertThatThrownBy(() -> device.allocate(4, "z")).hasMessageContaining("captured");
            assertThatThrownBy(() -> device.synchronize(b.stream())).hasMessageContaining("captured");
            Graph graph = device.endCapture(b.stream());
            assertThat(b.readInts(y, 1)).containsExactly(0);
            staging.set(ValueLayout.JAVA_INT, 0, 8);
            device.launch(b.stream(), graph);
            assertThat(b.readInts(y, 1)).containsExactly(8);
        });
    }

    @Test
    void copiesPastAnAllocationOrOfWhatNobodyWroteAreFound() {
        on((device, b) -> {
            long x = device.allocate(16, "x");
            device.download(b.stream(), x, ints(device, 0, 0));
            device.fill(b.stream(), x + 8, 0, 4);
            device.synchronize(b.stream());
            assertThat(device.findings())
                    .extracting(Finding::kind)
                    .containsExactly(Finding.Kind.UNINITIALISED, Finding.Kind.OUT_OF_BOUNDS);
        });
    }

    @Test
    void productsReadWriteAndAddInTheirTypes() {
        on((device, b) -> {
            long x = b.bf16(1, 2, 3, 4, 5, 6), w = b.bf16(1, 0, -1, 2, 2, 2), y = b.floats(10, 10, 10, 10);
            var shape = new ProductLibrary.Shape(
                    2, 2, 3, ProductLibrary.Element.BF16, ProductLibrary.Element.F32, ProductLibrary.Sum.ADD);
            var operands = new ProductLibrary.Operands(x, 3, w, 3, y, 2);
            var plan = device.products().plan(shape, ProductLibrary.Algorithm.FIXED, operands);
            device.products().multiply(b.stream(), plan, operands);
            assertThat(b.readFloats(y, 4)).containsExactly(8, 22, 8, 40);
        });
    }

    @Test
    void outOfMemorySaysForWhatAndHowMuchIsFree() {
        SimulatedDriver.open(SimulatedDriver.Setup.of("90a").memoryBytes(1 << 20))
                .ifPresent(device -> {
                    long first = device.allocate(600 << 10, "weights");
                    assertThatThrownBy(() -> device.allocate(600 << 10, "the KV cache"))
                            .isInstanceOf(EngineFault.class)
                            .hasMessageContaining("the KV cache")
                            .hasMessageContaining("" + (1024 - 600 << 10));
                    device.free(first);
                    assertThat(device.memory().free()).isEqualTo(1 << 20);
                    device.allocate(600 << 10, "the KV cache");
                });
    }

    @Test
    void anyCallCanBeMadeToFail() {
        on((device, b) -> {
            long x = b.zeros(4);
            var fault = new EngineFault(EngineFault.Code.DEVICE, "cuMemsetD32Async: CUDA_ERROR_ILLEGAL_ADDRESS");
            device.faults().plan("fill", 1, fault);
            device.fill(b.stream(), x, 1, 1);
            assertThatThrownBy(() -> device.fill(b.stream(), x, 2, 1)).isSameAs(fault);
            assertThat(device.faults().seen()).contains("openStream", "allocate", "fill");
        });
    }

    @Test
    void argumentsThatAreNotTheKernelsAreRefused() {
        on((device, b) -> assertThatThrownBy(() -> Specimens.launch(
                        b,
                        new Specimens.Entry("gemv.cu", "gemv", Map.of()),
                        Launch.of(1, 128),
                        Arguments.of().pointer(0).int32(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("gemv takes 5 arguments"));
    }

    private static void bulk(Workbench b, String name, Launch.Order order, Arguments arguments) {
        var entry = new Specimens.Entry("bulk.cu", name, Map.of());
        Specimens.launch(b, entry, Launch.of(1, 32).order(order), arguments);
    }

    private static UnaryOperator<String> with(String define) {
        return text -> "#define " + define + "\n" + text;
    }

    @Test
    void theCopyEngineStoresBytes() {
        on((device, b) -> {
            long out = device.allocate(256, "out");
            bulk(b, "store_bytes", Launch.Order.AFTER, Arguments.of().pointer(out));
            int[] got = b.readInts(out, 64);
            for (int k = 0; k < 64; k++) {
                assertThat(got[k]).isEqualTo(k < 32 ? k * 3 : (k - 32) * 5);
            }
            device.expectNoFindings();
        });
    }

    @Test
    void aStoreWithoutFenceOrWaitOrWhoseSourceChangesIsFound() {
        Map<String, Finding.Kind> mistakes = Map.of(
                "NO_FENCE",
                Finding.Kind.MISSING_FENCE,
                "NO_WAIT",
                Finding.Kind.MISSING_WAIT,
                "EARLY",
                Finding.Kind.RACE);
        mistakes.forEach((define, kind) -> on(with(define), (device, b) -> {
            bulk(b, "store_bytes", Launch.Order.AFTER, Arguments.of().pointer(b.zeros(256)));
            device.synchronize(b.stream());
            assertThat(device.findings()).extracting(Finding::kind).as(define).contains(kind);
        }));
    }

    @Test
    void aTensorStoreWritesWhatLiesInside() {
        on((device, b) -> {
            long out = b.zeros(40 * 10 * 2);
            TensorMap map = device.tensorMap(new TensorMap.Layout(
                    TensorMap.Element.BF16,
                    out,
                    new TensorMap.Sizes(40, 10),
                    new TensorMap.Strides(80),
                    new TensorMap.Box(32, 8),
                    TensorMap.Swizzle.NONE,
                    TensorMap.Promotion.NONE));
            bulk(
                    b,
                    "store_box",
                    Launch.Order.AFTER,
                    Arguments.of().tensorMap(map).int32(16).int32(-3));
            short[] got = b.readShorts(out, 400);
            for (int k = 0; k < 400; k++) {
                int x = k % 40 - 16, y = k / 40 + 3;
                assertThat(got[k]).as("" + k).isEqualTo((short) (x >= 0 && x < 32 && y < 8 ? y * 32 + x : 0));
            }
            device.expectNoFindings();
        });
    }

    private static void dependent(String define, Launch.Order order, BiConsumer<SimulatedDriver, int[]> then) {
        on(with(define), (device, b) -> {
            long x = device.allocate(128, "x"), y = device.allocate(128, "y"), weights = b.ints(new int[32]);
            bulk(b, "first", Launch.Order.AFTER, Arguments.of().pointer(x));
            bulk(b, "second", order, Arguments.of().pointer(y).pointer(x).pointer(weights));
            bulk(b, "first", order, Arguments.of().pointer(x));
            then.accept(device, b.readInts(y, 32));
        });
    }

    @Test
    void aDependentLaunchMustWaitBeforeItReadsWhatOthersWrite() {
        dependent("RIGHT", Launch.Order.DEPENDENT, (device, y) -> {
            assertThat(y[31]).isEqualTo(31);
            device.expectNoFindings();
        });
        dependent(
                "READS_EARLY",
                Launch.Order.DEPENDENT,
                (device, y) ->
                        assertThat(device.findings()).extracting(Finding::kind).contains(Finding.Kind.RACE));
        dependent(
                "NEVER_WAITS",
                Launch.Order.DEPENDENT,
                (device, y) -> assertThat(device.findings())
                        .extracting(Finding::kind)
                        .contains(Finding.Kind.MISSING_WAIT, Finding.Kind.RACE));
        dependent("READS_EARLY", Launch.Order.AFTER, (device, y) -> device.expectNoFindings());
    }

    @Test
    void aProgramIsCompiledOnceAndTheDriverTellsOfIt() {
        on((device, b) -> {
            var program = new Program("x.cu", "extern \"C\" __global__ void x(int *p) { *p = 1; }", Map.of(), Map.of());
            int[] told = {0};
            device.prepare(java.util.List.of(program), (done, all) -> told[0] = done * 10 + all);
            assertThat(told[0]).isEqualTo(11);
            assertThat(device.kernel(program, "x")).isEqualTo(device.kernel(program, "x"));
            assertThatThrownBy(() -> device.kernel(program, "y")).hasMessageContaining("[x]");
        });
    }
}
