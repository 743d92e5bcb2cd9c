package espalier.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;

class GpusTest {
    private final FakeLibraries cuda = new FakeLibraries();

    private AbstractThrowableAssert<?, ?> assertRefused() {
        return assertThatThrownBy(() -> Gpus.all(new CudaCalls(cuda))).isInstanceOf(EngineFault.class);
    }

    @Test
    void aGpuHasWhatTheDriverTells() {
        DeviceProperties gpu = Gpus.all(new CudaCalls(cuda)).getFirst();
        assertThat(gpu.architecture()).isEqualTo("90a");
        assertThat(gpu.multiprocessors()).isEqualTo(132);
        assertThat(gpu.l2Bytes()).isEqualTo(50 << 20);
    }

    @Test
    void noDriverNoGpuAndAGpuThatIsHiddenAreSaidInWords() {
        assertThatThrownBy(() -> Gpus.driver("libno-such-driver.so.1"))
                .isInstanceOf(EngineFault.class)
                .hasMessage("no NVIDIA driver is installed (libno-such-driver.so.1 was not found)");
        cuda.noGpus();
        assertRefused().hasMessageContaining("shows no GPU; check nvidia-smi and CUDA_VISIBLE_DEVICES");
        cuda.fail(0, 100);
        assertRefused()
                .hasMessageContaining("cuInit: CUDA_ERROR_100 (text of 100); no GPU is visible; check nvidia-smi");
    }

    @Test
    void aDriverThatLacksAFunctionIsTooOld() {
        assertThatThrownBy(() -> Symbols.ofSystem("libc.so.6").function("cuNoSuchFunction", 1))
                .isInstanceOf(EngineFault.class)
                .hasMessage("libc.so.6 has no cuNoSuchFunction; CUDA 12.4 or later is wanted");
    }
}
