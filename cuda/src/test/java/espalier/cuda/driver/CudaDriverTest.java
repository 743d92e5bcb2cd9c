package espalier.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaDriverTest {
    private static final Program PROGRAM = new Program("f.cu", "...", Map.of(), Map.of());

    /** A file that is compiled anew; an algorithm that is measured slower, or does not serve. */
    private static final String SILENT =
            ".*(Destroy|MemFree|Release|Unload|LoadData|SetCurrent" + "|cublasLtGetVersion|cublasLtMatmul|AlgoCheck).*";

    @TempDir
    Path cache;

    private int uses;

    private CudaDriver open(FakeLibraries cuda, FakeLibraries nvrtc) {
        return open(cuda, nvrtc, Duration.ofSeconds(60));
    }

    private CudaDriver open(FakeLibraries cuda, FakeLibraries nvrtc, Duration patience) {
        return cuda.open(nvrtc, cache, patience);
    }

    /** Everything that a driver is asked for, once; as at a first start. */
    private void use(FakeLibraries cuda) {
        Path empty = cache.resolve("use" + uses++);
        try (CudaDriver driver = cuda.open(new FakeLibraries(), empty, Duration.ofSeconds(60));
                Arena arena = Arena.ofConfined()) {
            driver.bind();
            Stream stream = driver.openStream();
            long memory = driver.allocate(1 << 20, "weights");
            MemorySegment pinned = driver.allocatePinned(256);
            driver.upload(stream, pinned, memory);
            driver.upload(stream, MemorySegment.ofArray(new int[4]), memory);
            driver.copy(stream, memory, memory + 512, 256);
            driver.copy(stream, new Copy2D(new Copy2D.Source.Host(pinned), 16, memory, 32, 16, 4));
            driver.fill(stream, memory, 0, 64);
            driver.prepare(List.of(PROGRAM), (_, _) -> {});
            Kernel kernel = driver.kernel(PROGRAM, "f");
            assertThat(driver.blocksPerMultiprocessor(kernel, 128, 1024)).isEqualTo(1);
            Event from = driver.openEvent(Event.Kind.TIMED);
            driver.beginCapture(stream);
            driver.launch(
                    stream,
                    kernel,
                    Launch.of(8, 128).cluster(2).shared(1 << 16),
                    Arguments.of().int32(7));
            Graph graph = driver.endCapture(stream);
            driver.record(from, stream);
            driver.launch(stream, graph);
            driver.await(stream, from);
            assertThat(driver.milliseconds(from, from)).isZero();
            driver.download(stream, memory, arena.allocate(256));
            driver.download(stream, memory, MemorySegment.ofArray(new int[4]));
            driver.synchronize(stream);
            assertThat(driver.memory().free()).isEqualTo(1L << 30);
            var shape = new ProductLibrary.Shape(
                    5, 64, 32, ProductLibrary.Element.BF16, ProductLibrary.Element.F32, ProductLibrary.Sum.ADD);
            var operands = new ProductLibrary.Operands(memory, 32, memory, 32, memory, 64);
            for (ProductLibrary.Algorithm choice : ProductLibrary.Algorithm.values()) {
                driver.products().multiply(stream, driver.products().plan(shape, choice, operands), operands);
            }
            driver.closeGraph(graph);
            driver.closeEvent(from);
            driver.freePinned(pinned);
            driver.free(memory);
            driver.closeStream(stream);
        }
    }

    @Test
    void everyErrorAtEveryCallIsOneFaultThatNamesIt() {
        var sound = new FakeLibraries();
        use(sound);
        assertThat(sound.held()).isEmpty();
        List<String> calls = List.copyOf(sound.calls);
        assertThat(calls).hasSizeGreaterThan(100);
        for (int status : new int[] {2, 100, 700, 999}) {
            for (int i = 0; i < calls.size(); i++) {
                var cuda = new FakeLibraries();
                cuda.fail(i, status);
                Throwable thrown = catchThrowable(() -> use(cuda));
                String name = cuda.calls.get(i);
                String at = status + " at call " + i + ", " + name;
                if (!FakeLibraries.ends(name)) {
                    assertThat(cuda.held()).as(at).isEmpty();
                }
                if (thrown == null) { // giving back is never worth a failure; nor is what has another way
                    assertThat(name).as(at).matches(SILENT);
                    continue;
                }
                assertThat(thrown).as(at).isInstanceOf(EngineFault.class);
                String[] error = name.startsWith("cublas")
                        ? new String[] {"cuBLAS status " + status}
                        : new String[] {"CUDA_ERROR_" + status, "text of " + status};
                assertThat(thrown.getMessage())
                        .as(at)
                        .contains(name.replaceAll("_v2$", ""))
                        .contains(error);
            }
        }
    }

    @Test
    void outOfMemorySaysWhatWasAskedWhatIsFreeAndWhichFlagsHelp() {
        var cuda = new FakeLibraries();
        try (CudaDriver driver = open(cuda, new FakeLibraries())) {
            cuda.fail(0, CudaCalls.OUT_OF_MEMORY);
            assertThatThrownBy(() -> driver.allocate(48L << 30, "the KV cache"))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("48.00 GiB for the KV cache were asked for, 1.00 GiB of 64.00 GiB are free")
                    .hasMessageContaining("--mem-fraction-static")
                    .extracting(e -> ((EngineFault) e).code())
                    .isEqualTo(EngineFault.Code.RESOURCE);
        }
    }

    @Test
    void aDeviceThatDoesNotAnswerIsGivenUp() {
        var cuda = new FakeLibraries();
        try (CudaDriver driver = open(cuda, new FakeLibraries(), Duration.ofMillis(5))) {
            Event event = driver.openEvent(Event.Kind.MARK);
            cuda.neverReady();
            assertThatThrownBy(() -> driver.await(event))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("has not answered for 0 s (--watchdog-timeout)");
        }
    }

    @Test
    void whatIsStillHeldIsFreedWhenItIsClosedUnlessTheDeviceDoesNotAnswer() {
        var cuda = new FakeLibraries();
        CudaDriver driver = open(cuda, new FakeLibraries());
        driver.free(driver.allocate(16, "a"));
        driver.allocate(16, "b");
        driver.allocatePinned(16);
        driver.close();
        assertThat(cuda.calls).filteredOn("cuMemFree_v2"::equals).hasSize(2);
        assertThat(cuda.calls).filteredOn("cuMemFreeHost"::equals).hasSize(1);

        var stuck = new FakeLibraries();
        CudaDriver lost = open(stuck, new FakeLibraries(), Duration.ofMillis(5));
        lost.allocate(16, "b");
        stuck.neverReady();
        Stream stream = lost.openStream();
        assertThatThrownBy(() -> lost.synchronize(stream)).isInstanceOf(EngineFault.class);
        lost.close();
        assertThat(stuck.calls).doesNotContain("cuMemFree_v2");
    }

    @Test
    void aSecondStartCompilesNothing() {
        var first = new FakeLibraries();
        try (CudaDriver driver = open(new FakeLibraries(), first)) {
            driver.kernel(PROGRAM, "f");
        }
        assertThat(first.calls).contains("nvrtcCompileProgram");
        var second = new FakeLibraries();
        var other = new Program("f.cu", "...", Map.of(), Map.of("N", "2"));
        try (CudaDriver driver = open(new FakeLibraries(), second)) {
            driver.kernel(PROGRAM, "f");
            assertThat(second.calls).doesNotContain("nvrtcCompileProgram");
            driver.kernel(other, "f");
            assertThat(second.calls).contains("nvrtcCompileProgram");
        }
    }

    /** A driver may leave it on the host until a kernel is first used. */
    @Test
    void theCodeOfEveryKernelOfAProgramIsLoadedWithIt() {
        var cuda = new FakeLibraries();
        try (CudaDriver driver = open(cuda, new FakeLibraries())) {
            driver.prepare(List.of(PROGRAM), (_, _) -> {});
            assertThat(cuda.calls).filteredOn("cuFuncLoad"::equals).hasSize(FakeLibraries.FUNCTIONS_OF_A_MODULE);
            driver.kernel(PROGRAM, "f");
            assertThat(cuda.calls).filteredOn("cuFuncLoad"::equals).hasSize(FakeLibraries.FUNCTIONS_OF_A_MODULE);
        }
    }

    @Test
    void argumentsOfAnotherSizeAreRefusedBeforeTheLaunch() {
        try (CudaDriver driver = open(new FakeLibraries(), new FakeLibraries())) {
            Kernel kernel = driver.kernel(PROGRAM, "f");
            assertThatThrownBy(() -> driver.launch(
                            driver.openStream(),
                            kernel,
                            Launch.of(1, 32),
                            Arguments.of().pointer(0)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("kernel f takes arguments of [4] bytes, given [8]");
        }
    }
}
