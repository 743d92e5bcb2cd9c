package espalier.cpu.jit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PerfMapTest {
    @TempDir
    Path folder;

    @Test
    void linesAreAddedToWhatIsThere() throws IOException {
        Path file = folder.resolve("perf-1.map");
        Files.writeString(file, "10 4 Something.ofTheJvm\n");
        var map = new PerfMap(file);
        map.add("bf16, 4 rows", 0x7f00_0000_1000L, 0x2a0);
        map.write();
        map.add("rounding", 0x7f00_0000_2000L, 16);
        map.write();
        assertThat(file)
                .hasContent("10 4 Something.ofTheJvm\n7f0000001000 2a0 espalier: bf16, 4 rows\n"
                        + "7f0000002000 10 espalier: rounding\n");
    }

    @Test
    void aFileThatCannotBeWrittenIsNamedWithTheWayOut() {
        var map = new PerfMap(folder.resolve("nowhere").resolve("perf-1.map"));
        assertThatThrownBy(map::write)
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("nowhere")
                .hasMessageContaining(PerfMap.PROPERTY);
    }

    @Test
    void whatIsLoadedShowsUnderItsNameWhereItIsAskedFor() throws IOException {
        if (!Code.obstacle().isEmpty()) {
            return;
        }
        Path file = Path.of("/tmp", "perf-" + ProcessHandle.current().pid() + ".map");
        String name = "a kernel of " + PerfMapTest.class.getName();
        var asm = new Asm();
        asm.ret();
        asm.begin(name);
        asm.ret();
        String before = System.getProperty(PerfMap.PROPERTY, "false");
        try (Arena arena = Arena.ofConfined()) {
            System.setProperty(PerfMap.PROPERTY, "true");
            Code.load(asm, arena);
            assertThat(Files.readAllLines(file)).anyMatch(line -> line.matches("[0-9a-f]+[048c]0 1 espalier: " + name));
        } finally {
            System.setProperty(PerfMap.PROPERTY, before);
            Files.deleteIfExists(file);
        }
    }
}
