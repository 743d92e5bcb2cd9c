package espalier.cpu.jit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;

/** Runs where machine code can be run, and passes with a line elsewhere. */
class CodeTest {
    private static boolean cannotRun() {
        if (!Code.obstacle().isEmpty()) {
            System.out.println("CodeTest: " + Code.obstacle());
        }
        return !Code.obstacle().isEmpty();
    }

    /** {@code *a = b + c} with a loop that adds 1 c times, through registers of both halves. */
    private static byte[] addition() {
        var asm = new Asm();
        asm.push(Asm.R12);
        asm.mov(Asm.R12, Asm.RSI);
        asm.cmp(Asm.RDX, new Asm.Constant(0));
        Asm.Jump none = asm.jump(Asm.Condition.EQUAL);
        int loop = asm.position();
        asm.add(Asm.R12, new Asm.Constant(1));
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.land(none);
        asm.store(Mem.at(Asm.RDI, 0), Asm.R12);
        asm.pop(Asm.R12);
        asm.ret();
        return asm.bytes();
    }

    @Test
    void emittedCodeComputes() {
        if (cannotRun()) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            Code.Kernel kernel = Code.load(addition(), arena).at(0);
            MemorySegment sum = arena.allocate(8);
            for (long c = 0; c < 5; c++) {
                kernel.call(sum.address(), 1L << 40, c, 0, 0, 0);
                assertThat(sum.get(ValueLayout.JAVA_LONG, 0)).isEqualTo((1L << 40) + c);
            }
        }
    }

    @Test
    void flightRecordingsNameWhatWasEmitted() throws Exception {
        if (cannotRun()) {
            return;
        }
        var asm = new Asm();
        asm.begin("nothing");
        asm.ret();
        asm.begin("nothing either");
        asm.ret();
        var seen = new ArrayList<String>();
        try (var recording = new Recording();
                Arena arena = Arena.ofConfined()) {
            recording.enable("espalier.MachineCode");
            recording.start();
            Code.load(asm, arena);
            recording.stop();
            Path file = Files.createTempFile("code", ".jfr");
            recording.dump(file);
            for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
                seen.add(event.getString("kernel") + ": " + event.getInt("bytes"));
            }
            Files.delete(file);
        }
        assertThat(seen).containsExactlyInAnyOrder("nothing: 64", "nothing either: 1");
    }

    @Test
    void pagesAreExecutableAndNotWritableAndGoWithTheArena() throws IOException {
        if (cannotRun()) {
            return;
        }
        int bytes = 5 << 20; // unlike anything else that is mapped
        List<String> before = mapped(bytes);
        try (Arena arena = Arena.ofConfined()) {
            Code.load(new byte[bytes], arena);
            assertThat(mapped(bytes))
                    .hasSize(before.size() + 1)
                    .filteredOn(line -> !before.contains(line))
                    .allMatch(line -> line.contains(" r-xp "));
        }
        assertThat(mapped(bytes)).isEqualTo(before);
    }

    @Test
    void pagesThatTheSystemKeepsFromRunningAreAFaultWithTheWayOutAndGoWithTheArena() throws IOException {
        if (cannotRun()) {
            return;
        }
        int bytes = 7 << 20;
        List<String> before = mapped(bytes);
        try (Arena arena = Arena.ofConfined()) {
            assertThatThrownBy(() -> Code.load(new byte[bytes], arena, (_, _) -> 13))
                    .isInstanceOf(EngineFault.class)
                    .hasMessageContaining("refuses executable memory (mprotect: errno 13;")
                    .hasMessageEndingWith("--cpu-kernels vector");
        }
        assertThat(mapped(bytes)).isEqualTo(before);
    }

    /** The maps of the process that have that size. */
    private static List<String> mapped(int bytes) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> {
                    String[] range = line.substring(0, line.indexOf(' ')).split("-");
                    return Long.parseUnsignedLong(range[1], 16) - Long.parseUnsignedLong(range[0], 16) == bytes;
                })
                .toList();
    }

    @Test
    void theProcessorHasWhatTheSystemSays() throws IOException {
        Path cpuinfo = Path.of("/proc/cpuinfo");
        if (cannotRun() || !Files.exists(cpuinfo)) {
            return;
        }
        Set<String> flags = Files.readAllLines(cpuinfo).stream()
                .filter(line -> line.startsWith("flags"))
                .findFirst()
                .map(line ->
                        Set.of(line.substring(line.indexOf(':') + 1).strip().split(" +")))
                .orElse(Set.of());
        Processor here = Processor.here();
        assertThat(here.has(Processor.Feature.AVX2)).isEqualTo(flags.containsAll(Set.of("avx2", "fma", "f16c")));
        assertThat(here.has(Processor.Feature.AVX512)).isEqualTo(flags.contains("avx512bw"));
        assertThat(here.has(Processor.Feature.AVX512_VNNI)).isEqualTo(flags.contains("avx512_vnni"));
        assertThat(here.has(Processor.Feature.AVX512_BF16)).isEqualTo(flags.contains("avx512_bf16"));
        assertThat(here.has(Processor.Feature.AMX_INT8)).isEqualTo(flags.contains("amx_int8"));
        assertThat(here.has(Processor.Feature.AMX_BF16)).isEqualTo(flags.contains("amx_bf16"));
    }
}
