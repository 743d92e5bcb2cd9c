package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {
    @TempDir
    private Path root;

    private void write(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text + "\n");
    }

    private long available() {
        return new Machine(root).availableBytes();
    }

    @Test
    void withoutGroupsItIsWhatTheSystemHasAvailable() throws IOException {
        write("proc/meminfo", "MemTotal: 100 kB\nMemAvailable:     70 kB\nBuffers: 1 kB");
        assertThat(available()).isEqualTo(70 * 1024);
    }

    @Test
    void theTightestGroupAboveTheProcessCountsAndIdleFilePagesAreFree() throws IOException {
        write("proc/meminfo", "MemAvailable: 1000000 kB");
        write("proc/self/cgroup", "0::/outer/inner");
        write("sys/fs/cgroup/outer/inner/memory.max", "max");
        write("sys/fs/cgroup/outer/inner/memory.current", "5");
        write("sys/fs/cgroup/outer/memory.max", "5000");
        write("sys/fs/cgroup/outer/memory.current", "3000");
        write("sys/fs/cgroup/outer/memory.stat", "anon 10\ninactive_file 400\nactive_file 7");
        assertThat(available()).isEqualTo(2400);
    }

    @Test
    void aContainerSeesItsGroupAtTheRootOfTheMount() throws IOException {
        write("proc/meminfo", "MemAvailable: 1000000 kB");
        write("proc/self/cgroup", "0::/not/mounted/here");
        write("sys/fs/cgroup/memory.max", "9000");
        write("sys/fs/cgroup/memory.current", "2000");
        assertThat(available()).isEqualTo(7000);
    }

    @Test
    void theFirstVersionOfControlGroupsCountsToo() throws IOException {
        write("proc/meminfo", "MemAvailable: 1000000 kB");
        write("proc/self/cgroup", "12:cpu,cpuacct:/a\n7:memory:/box");
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
        write("sys/fs/cgroup/memory/memory.usage_in_bytes", "10");
        write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "8000");
        write("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "1000");
        assertThat(available()).isEqualTo(7000);
    }

    @Test
    void hardwareThreadsOfOneCoreCountOnce() throws IOException {
        write("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0-1");
        write("sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "0-1");
        write("sys/devices/system/cpu/cpufreq/policy0/x", "");
        assertThat(new Machine(root).physicalCores()).isEqualTo(1);
    }

    @Test
    void nodesHaveTheProcessorsThatTheProcessMayUse() throws IOException {
        write("sys/devices/system/node/node0/cpulist", "0-3,8-11");
        write("sys/devices/system/node/node1/cpulist", "4-7,12");
        write("sys/devices/system/node/node2/cpulist", ""); // memory alone
        write("sys/devices/system/node/has_cpu", "0-1");
        assertThat(new Machine(root).nodes().processors())
                .containsExactly(List.of(0, 1, 2, 3, 8, 9, 10, 11), List.of(4, 5, 6, 7, 12));
        write("proc/self/status", "Name:\tjava\nCpus_allowed_list:\t2-5,12");
        assertThat(new Machine(root).nodes().processors()).containsExactly(List.of(2, 3), List.of(4, 5, 12));
        write("proc/self/status", "Cpus_allowed_list:\t6");
        assertThat(new Machine(root).nodes().processors()).containsExactly(List.of(6));
    }

    @Test
    void elsewhereTheJvmsNumbersStandIn() {
        assertThat(new Machine(root).nodes().processors()).isEmpty();
        assertThat(available()).isPositive();
        assertThat(new Machine(root).physicalCores())
                .isEqualTo(Runtime.getRuntime().availableProcessors());
    }
}
