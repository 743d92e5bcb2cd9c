package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.tensor.DeviceProvider;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM with other flags, that runs a class of the tests with all that these have. */
final class OtherJvm {
    private OtherJvm() {}

    /** What {@code main} says until it ends as it should. */
    static String run(List<String> flags, Class<?> main) throws IOException, URISyntaxException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(flags);
        command.addAll(List.of("-XX:+UseSerialGC", "-Xmx1g", "--add-modules=jdk.incubator.vector"));
        command.add("-Despalier.root=" + System.getProperty("espalier.root"));
        command.addAll(List.of("-cp", classPath(main), main.getName()));
        Process jvm = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(jvm.waitFor()).as(said).isZero();
        return said;
    }

    /** The test's own place, which may be patched into a module, then what this JVM has as modules and as plain classes. */
    private static String classPath(Class<?> main) throws IOException, URISyntaxException {
        var path = new ArrayList<String>();
        for (Class<?> each : List.of(main, CpuDevice.class)) {
            path.add(Path.of(each.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString());
        }
        path.add(services().toString());
        path.add(System.getProperty("jdk.module.path", ""));
        path.add(System.getProperty("java.class.path", ""));
        return String.join(File.pathSeparator, path);
    }

    /** Names the device to a class path, as the module's declaration does elsewhere. */
    private static Path services() throws IOException {
        Path folder = Files.createTempDirectory("services");
        Path services = Files.createDirectories(folder.resolve("META-INF").resolve("services"));
        Path file = Files.writeString(services.resolve(DeviceProvider.class.getName()), CpuProvider.class.getName());
        for (Path each : List.of(folder, folder.resolve("META-INF"), services, file)) {
            each.toFile().deleteOnExit(); // in the opposite order
        }
        return folder;
    }
}
