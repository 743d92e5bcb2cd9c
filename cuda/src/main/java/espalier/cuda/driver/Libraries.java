package espalier.cuda.driver;

import espalier.api.EngineFault;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where CUDA's libraries lie: in the folders named by the property {@value #HOME} (CUDA_HOME, from the command line), in
 * those of the loader's own path (LD_LIBRARY_PATH), in /usr/local/cuda*, in the system's folders, and in the wheels of
 * Python's registry, which bring a library without a toolkit.
 */
public final class Libraries {
    /** Folders of CUDA installations or of libraries, separated by colons; they come first. */
    public static final String HOME = "espalier.cuda.home";

    private static final String LOADER_PATH = "java.library.path";

    /** Under an installation's folder. */
    private static final List<String> WITHIN = List.of(
            "", "lib64", "lib", "targets/*/lib", "nvidia/*/lib", "*/lib", "lib/python3*/site-packages/nvidia/*/lib");

    private static final List<String> USUAL = List.of(
            "/usr/local/cuda*/lib64",
            "/usr/local/cuda*/targets/*/lib",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/usr/lib64",
            "/opt/cuda*/lib64",
            "/usr/local/lib/python3*/*-packages/nvidia/*/lib",
            "/usr/lib/python3*/*-packages/nvidia/*/lib",
            "/opt/conda/lib/python3*/site-packages/nvidia/*/lib",
            "/opt/*/lib/python3*/site-packages/nvidia/*/lib");

    private static final String USER = "/.local/lib/python3*/site-packages/nvidia/*/lib";

    private final List<Path> folders;

    private Libraries(List<Path> folders) {
        this.folders = List.copyOf(folders);
    }

    /** Those that lie in these folders, and no others. */
    public static Libraries in(List<Path> folders) {
        return new Libraries(folders);
    }

    /** @param property system properties by name, null where there is none */
    @SuppressWarnings("NullAway") // the operator stands for System::getProperty, which may yield null
    public static Libraries of(UnaryOperator<String> property) {
        var patterns = new ArrayList<String>();
        for (String home : split(property.apply(HOME))) {
            WITHIN.forEach(within -> patterns.add(within.isEmpty() ? home : home + "/" + within));
        }
        patterns.addAll(split(property.apply(LOADER_PATH)));
        patterns.addAll(USUAL);
        String user = property.apply("user.home");
        if (user != null) {
            patterns.add(user + USER);
        }
        var found = new LinkedHashSet<Path>();
        patterns.stream().filter(p -> p.startsWith("/")).forEach(p -> found.addAll(folders(p)));
        return new Libraries(List.copyOf(found));
    }

    /** A library's file and the number in its name: 13 for libnvrtc.so.13. */
    public record Found(Path file, int major) {
        /** The number that a function of it yields, as 13.2.0; what is wrong where it cannot be asked. */
        public String versionOf(String function) {
            try {
                int number = Call.of(Symbols.of(file), function, 0).with();
                return number / 10_000 + "." + number / 100 % 100 + "." + number % 100;
            } catch (EngineFault broken) {
                return major + ", which cannot be used (" + broken.getMessage() + ")";
            }
        }
    }

    /** {@code base}.so.N with N in {@code from .. to}: of the first folder that has one, the highest. */
    public Optional<Found> find(String base, int from, int to) {
        Pattern name = Pattern.compile(Pattern.quote(base) + "\\.so\\.(\\d+)(?:\\.\\d+)*");
        for (Path folder : folders) {
            var found = new ArrayList<Found>();
            for (Path each : list(folder, base + ".so.*")) {
                Matcher m = name.matcher(each.getFileName().toString());
                if (m.matches()) {
                    int major = Integer.parseInt(m.group(1));
                    if (major >= from && major <= to) {
                        found.add(new Found(each, major));
                    }
                }
            }
            Optional<Found> best = found.stream().max(Comparator.comparingInt(Found::major));
            if (best.isPresent()) {
                return best;
            }
        }
        return Optional.empty();
    }

    private static List<String> split(@org.jspecify.annotations.Nullable String path) {
        return path == null || path.isEmpty() ? List.of() : List.of(path.split(":"));
    }

    /** The folders that a pattern with {@code *} in some of its names matches, the last in order first. */
    private static List<Path> folders(String pattern) {
        List<Path> at = List.of(Path.of("/"));
        for (Path part : Path.of(pattern)) {
            String name = part.toString();
            var next = new ArrayList<Path>();
            for (Path folder : at) {
                if (name.indexOf('*') < 0) {
                    next.add(folder.resolve(name));
                } else {
                    next.addAll(list(folder, name));
                }
            }
            at = next;
        }
        return at.stream().filter(Files::isDirectory).toList();
    }

    private static List<Path> list(Path folder, String glob) {
        var found = new ArrayList<Path>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
                entries.forEach(found::add);
            } catch (IOException | DirectoryIteratorException e) {
                return List.of(); // a folder that cannot be read holds no library for us
            }
        }
        found.sort(Comparator.reverseOrder());
        return found;
    }
}
