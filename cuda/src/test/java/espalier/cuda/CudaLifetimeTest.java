package espalier.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import espalier.api.Emission;
import espalier.api.EngineFault;
import espalier.cuda.driver.FakeLibraries;
import espalier.cuda.kernel.ProductChoices;
import espalier.cuda.kernel.ProductKernels;
import espalier.engine.LocalEngine;
import espalier.tensor.DType;
import espalier.tensor.SharedPrefixes;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever an engine makes of a GPU is ended with it, so that another may be loaded in the same process: memory, streams,
 * events, graphs, modules, descriptors of the vendor's library. Also where its start or a step fails, at whichever call.
 */
@Timeout(120)
class CudaLifetimeTest {
    private static final int ILLEGAL_ADDRESS = 700;

    @TempDir
    Path folder;

    private int starts;

    /** What is measured at a start makes and ends much besides. */
    private static CudaDevice.Setup setup(CudaDevice.Tuning tuning) {
        return new CudaDevice.Setup(
                DType.BF16,
                1,
                ProductKernels.Mode.FASTEST,
                tuning,
                ProductChoices.forgotten(),
                SharedPrefixes.Least.NEVER);
    }

    /** Bytes of kernels' arguments, which a real driver tells and a fake one cannot know. */
    private static Map<String, int[]> argumentSizes(CudaDevice.Tuning tuning) throws InterruptedException {
        var dry = new DryDriver(9);
        try (LocalEngine engine = TinyEngine.start(dry, setup(tuning))) {
            serve(engine);
        }
        return dry.argumentSizes();
    }

    private LocalEngine start(FakeLibraries libraries, CudaDevice.Tuning tuning) {
        Path empty = folder.resolve("start" + starts++);
        return TinyEngine.start(libraries.open(empty, Duration.ofMinutes(1)), setup(tuning));
    }

    /** One request, so that all runs take the same kernels. */
    private static Emission serve(LocalEngine engine) throws InterruptedException {
        return TinyEngine.ending(engine.submit(TinyEngine.request("r", 1)));
    }

    @Test
    void whatServedIsEndedWhole() throws InterruptedException {
        var libraries = new FakeLibraries(argumentSizes(CudaDevice.Tuning.MEASURED));
        for (int load = 0; load < 2; load++) {
            try (LocalEngine engine = start(libraries, CudaDevice.Tuning.MEASURED)) {
                assertThat(serve(engine)).isInstanceOf(Emission.Done.class);
                assertThat(libraries.held().keySet())
                        .contains(
                                "cuMemAlloc_v2",
                                "cuMemHostAlloc",
                                "cuStreamCreate",
                                "cuEventCreate",
                                "cuModuleLoadData",
                                "cuGraphInstantiateWithFlags",
                                "cublasLtCreate",
                                "cublasLtMatmulDescCreate",
                                "cublasLtMatrixLayoutCreate",
                                "cuDevicePrimaryCtxRetain")
                        .doesNotContain("nvrtcCreateProgram", "cuStreamEndCapture");
            }
            assertThat(libraries.held()).isEmpty();
        }
    }

    /** Of calls that make something the first, the last and one between fail; of others the first and the last. */
    @Test
    void aStartThatFailsAtAnyCallLeavesNothing() throws InterruptedException {
        Map<String, int[]> sizes = argumentSizes(CudaDevice.Tuning.ASSUMED);
        var sound = new FakeLibraries(sizes);
        LocalEngine whole = start(sound, CudaDevice.Tuning.ASSUMED);
        Map<String, Integer> made = sound.made();
        Map<String, Integer> counts = sound.counts();
        whole.close();
        assertThat(made.keySet()).contains("cuMemAlloc_v2", "cuModuleLoadData", "nvrtcCreateProgram", "cublasLtCreate");
        for (Map.Entry<String, Integer> each : counts.entrySet()) {
            var indices = new TreeSet<>(List.of(0, each.getValue() - 1));
            if (made.containsKey(each.getKey())) {
                indices.add(each.getValue() / 2);
            }
            for (int index : indices) {
                failAt(each.getKey(), index, new FakeLibraries(sizes));
            }
        }
    }

    private void failAt(String call, int index, FakeLibraries libraries) {
        libraries.fail(call, index, ILLEGAL_ADDRESS);
        String at = call + " " + index;
        Throwable thrown =
                catchThrowable(() -> start(libraries, CudaDevice.Tuning.ASSUMED).close());
        if (!FakeLibraries.ends(call)) {
            assertThat(libraries.held()).as(at).isEmpty();
        }
        if (thrown == null) { // giving back; and what may be a damaged file, which is compiled anew
            assertThat(call).as(at).matches(".*Destroy.*|cuModuleLoadData");
            return;
        }
        String said = call.equals("nvrtcCompileProgram") ? "refuses" : call.replace("_v2", "");
        assertThat(thrown).as(at).isInstanceOf(EngineFault.class).hasMessageContaining(said);
    }

    @Test
    void withoutTheVendorsLibraryOurKernelsComputeEveryProduct() throws InterruptedException {
        var libraries = new FakeLibraries(argumentSizes(CudaDevice.Tuning.MEASURED));
        CudaDevice.Setup setup = setup(CudaDevice.Tuning.MEASURED);
        try (LocalEngine engine = TinyEngine.start(libraries.openWithoutCublas(folder), setup)) {
            assertThat(serve(engine)).isInstanceOf(Emission.Done.class);
        }
        assertThat(libraries.counts().keySet()).noneMatch(call -> call.startsWith("cublas"));
    }

    @Test
    void aCallThatFailsWhileServingFailsARequestAndLeavesNothing() throws InterruptedException {
        Map<String, int[]> sizes = argumentSizes(CudaDevice.Tuning.ASSUMED);
        var serving = new TreeSet<String>();
        var sound = new FakeLibraries(sizes);
        try (LocalEngine engine = start(sound, CudaDevice.Tuning.ASSUMED)) {
            Map<String, Integer> before = sound.counts();
            serve(engine);
            Map<String, Integer> after = sound.counts();
            after.keySet().removeIf(call -> after.get(call).equals(before.get(call)));
            serving.addAll(after.keySet());
        }
        assertThat(serving)
                .contains("cuLaunchKernelEx", "cuGraphLaunch", "cuMemcpyHtoDAsync_v2", "cuEventQuery", "cuEventRecord")
                .doesNotContain("cuModuleLoadData", "cuFuncLoad", "cuMemAlloc_v2", "cuMemHostAlloc", "cuEventCreate");
        for (String call : serving) {
            var libraries = new FakeLibraries(sizes);
            try (LocalEngine engine = start(libraries, CudaDevice.Tuning.ASSUMED)) {
                libraries.fail(call, libraries.counts().getOrDefault(call, 0), ILLEGAL_ADDRESS);
                assertThat(serve(engine).toString())
                        .as(call)
                        .contains(call.replace("_v2", ""), "CUDA_ERROR_" + ILLEGAL_ADDRESS);
                assertThat(engine.isHealthy()).as(call).isFalse();
            }
            assertThat(libraries.held()).as(call).isEmpty();
        }
    }
}
