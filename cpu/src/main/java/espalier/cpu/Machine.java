package espalier.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What Linux tells about processors and memory, in files. Elsewhere the JVM's own numbers stand in.
 *
 * @param root of the file system, "/" but for tests
 */
record Machine(Path root) {
    private static final long UNKNOWN = Long.MAX_VALUE;
    /** Limits that mean "none" are given as a number near the greatest one. */
    private static final long NO_LIMIT = 1L << 60;

    static Machine local() {
        return new Machine(Path.of("/"));
    }

    /** Cores, not hardware threads; no more than the process may use. */
    int physicalCores() {
        int usable = Runtime.getRuntime().availableProcessors();
        var cores = new HashSet<String>();
        try (Stream<Path> folders = Files.list(root.resolve("sys/devices/system/cpu"))) {
            for (Path folder : (Iterable<Path>) folders::iterator) {
                if (folder.getFileName().toString().matches("cpu\\d+")) {
                    String siblings = text(folder.resolve("topology/thread_siblings_list"));
                    cores.add(siblings.isEmpty() ? folder.toString() : siblings);
                }
            }
        } catch (IOException e) {
            return usable; // not Linux
        }
        return cores.isEmpty() ? usable : Math.min(usable, cores.size());
    }

    /** The nodes of its memory, with the processors that this process may use; one of none where nothing tells. */
    Nodes nodes() {
        List<Integer> allowed = processors();
        var nodes = new TreeMap<Integer, List<Integer>>();
        try (Stream<Path> folders = Files.list(root.resolve("sys/devices/system/node"))) {
            for (Path folder : (Iterable<Path>) folders::iterator) {
                String name = folder.getFileName().toString();
                if (name.matches("node\\d{1,9}")) {
                    List<Integer> processors = new ArrayList<>(list(text(folder.resolve("cpulist"))));
                    if (!allowed.isEmpty()) {
                        processors.retainAll(allowed);
                    }
                    if (!processors.isEmpty()) { // a node may have memory alone
                        nodes.put(Integer.parseInt(name.substring(4)), processors);
                    }
                }
            }
        } catch (IOException e) {
            return new Nodes(List.of()); // not Linux
        }
        return new Nodes(List.copyOf(nodes.values()));
    }

    /** Those that this process may use; none where nothing tells. */
    List<Integer> processors() {
        for (String line : lines("proc/self/status")) {
            if (line.startsWith("Cpus_allowed_list:")) {
                return list(line.substring(line.indexOf(':') + 1).strip());
            }
        }
        return List.of();
    }

    /** Numbers as the system lists them: "0-3,8,10-11". */
    private static List<Integer> list(String text) {
        var all = new ArrayList<Integer>();
        for (String part : text.split(",")) {
            if (part.matches("\\d{1,6}(-\\d{1,6})?")) {
                String[] ends = part.split("-");
                for (int i = Integer.parseInt(ends[0]); i <= Integer.parseInt(ends[ends.length - 1]); i++) {
                    all.add(i);
                }
            }
        }
        return all;
    }

    /** Bytes that may still be taken: the system's, or less where a control group limits the process. */
    long availableBytes() {
        long system = memAvailable();
        long group = Math.min(groupV2(), groupV1());
        long least = Math.min(system, group);
        return least == UNKNOWN ? Runtime.getRuntime().maxMemory() : Math.max(0, least);
    }

    private long memAvailable() {
        for (String line : lines("proc/meminfo")) {
            if (line.startsWith("MemAvailable:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        }
        return UNKNOWN;
    }

    /** The tightest of the group and all groups above it. */
    private long groupV2() {
        long least = UNKNOWN;
        for (String line : lines("proc/self/cgroup")) {
            if (line.startsWith("0::/")) {
                Path mount = root.resolve("sys/fs/cgroup");
                for (Path at = mount.resolve(line.substring(4)); at != null && at.startsWith(mount); ) {
                    least = Math.min(
                            least,
                            left(at.resolve("memory.max"), at.resolve("memory.current"), at.resolve("memory.stat")));
                    at = at.getParent();
                }
            }
        }
        return least;
    }

    private long groupV1() {
        long least = UNKNOWN;
        for (String line : lines("proc/self/cgroup")) {
            String[] parts = line.split(":", 3);
            if (parts.length == 3 && Set.of(parts[1].split(",")).contains("memory")) {
                Path mount = root.resolve("sys/fs/cgroup/memory");
                String name = parts[2].replaceFirst("^/", "");
                for (Path at = mount.resolve(name); at != null && at.startsWith(mount); at = at.getParent()) {
                    Path usage = at.resolve("memory.usage_in_bytes");
                    least = Math.min(
                            least, left(at.resolve("memory.limit_in_bytes"), usage, at.resolve("memory.stat")));
                }
            }
        }
        return least;
    }

    /** Limit less use; file pages that nobody has touched lately count as free, since they are given up first. */
    private static long left(Path limit, Path usage, Path statistics) {
        long most = number(text(limit));
        long used = number(text(usage));
        if (most >= NO_LIMIT || used == UNKNOWN) {
            return UNKNOWN;
        }
        long idle = 0;
        for (String line : text(statistics).split("\n")) {
            if (line.startsWith("inactive_file ") || line.startsWith("total_inactive_file ")) {
                idle = Math.max(idle, number(line.substring(line.indexOf(' ') + 1)));
            }
        }
        return most - used + idle;
    }

    /** "max" and whatever is not there are no limit. */
    private static long number(String text) {
        return text.matches("\\d{1,18}") ? Long.parseLong(text) : UNKNOWN;
    }

    private List<String> lines(String path) {
        return text(root.resolve(path)).lines().toList();
    }

    private static String text(Path path) {
        try {
            return Files.readString(path).strip();
        } catch (IOException e) {
            return ""; // not Linux, or not this version of control groups
        }
    }
}
