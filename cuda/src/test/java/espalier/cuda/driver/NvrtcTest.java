package espalier.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NvrtcTest {
    private static final Program DOUBLES = new Program(
            "doubles.cu",
            "#include \"f.cuh\"\nextern \"C\" __global__ void doubles(float *x) { x[threadIdx.x] *= FACTOR; }",
            Map.of("f.cuh", "#pragma once\n"),
            Map.of("FACTOR", "2"));

    /** Empty, after one line that says so, where there is no compiler. */
    static Optional<Nvrtc> compiler() {
        Optional<Nvrtc> found = Nvrtc.find(Libraries.of(System::getProperty));
        if (found.isEmpty()) {
            System.out.println("CUDA kernels were not executed: " + Nvrtc.HOW_TO_GET);
        }
        return found;
    }

    @Test
    void compilesToAssemblyWithLinesAndToMachineCodeWithPtxasLog() {
        compiler().ifPresent(nvrtc -> {
            Nvrtc.Compiled ptx = nvrtc.compile(DOUBLES, "80", Nvrtc.Target.PTX);
            assertThat(ptx.text())
                    .contains(".entry doubles", ".loc", "doubles.cu")
                    .doesNotContain("\0");
            Nvrtc.Compiled cubin = nvrtc.compile(DOUBLES, "90a", Nvrtc.Target.CUBIN);
            assertThat(cubin.image()).startsWith(0x7f, 'E', 'L', 'F');
            assertThat(cubin.log()).contains("registers", "0 bytes spill stores");
        });
    }

    @Test
    void aRefusedProgramComesWithTheCompilersLog() {
        var wrong = new Program("wrong.cu", "extern \"C\" __global__ void f() { nothing(); }", Map.of(), Map.of());
        compiler()
                .ifPresent(nvrtc -> assertThatThrownBy(() -> nvrtc.compile(wrong, "80", Nvrtc.Target.PTX))
                        .isInstanceOf(EngineFault.class)
                        .hasMessageContaining("refuses wrong.cu for compute_80")
                        .hasMessageContaining("identifier \"nothing\" is undefined"));
    }

    @Test
    void takesTheHighestVersionOfTheFirstFolderThatHasOne(@TempDir Path home) throws Exception {
        Path wheel = Files.createDirectories(home.resolve("nvidia/cu13/lib"));
        Path toolkit = Files.createDirectories(home.resolve("lib64"));
        Files.createFile(wheel.resolve("libnvrtc.so.13"));
        Files.createFile(toolkit.resolve("libnvrtc.so.11"));
        Files.createFile(toolkit.resolve("libnvrtc.so.12"));
        Files.createFile(toolkit.resolve("libnvrtc.so.12.4.127"));
        Files.createFile(toolkit.resolve("libnvrtc-builtins.so.12"));
        var libraries = Libraries.of(name -> name.equals(Libraries.HOME) ? home.toString() : null);
        assertThat(libraries.find("libnvrtc", 12, 13)).hasValueSatisfying(found -> {
            assertThat(found.major()).isEqualTo(12);
            assertThat(found.file()).hasParent(toolkit);
        });
        assertThat(libraries.find("libnvrtc", 13, 13))
                .hasValueSatisfying(found -> assertThat(found.file()).isEqualTo(wheel.resolve("libnvrtc.so.13")));
        assertThat(libraries.find("libelse", 1, 99)).isEmpty();
    }
}
