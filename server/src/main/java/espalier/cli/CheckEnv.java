package espalier.cli;

import espalier.tensor.DeviceProvider;
import espalier.tensor.Devices;
import java.util.List;

/** Says what Espalier finds on this machine. */
final class CheckEnv implements Command {

    @Override
    public String name() {
        return "check-env";
    }

    @Override
    public String description() {
        return "Print what Espalier finds on this machine: Java, processor, memory, devices.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of();
    }

    @Override
    public int run(Terminal terminal, Typed typed) {
        print(terminal, "espalier", Cli.version());
        print(terminal, "java", System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version"));
        print(terminal, "java.home", System.getProperty("java.home"));
        print(
                terminal,
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"));
        print(terminal, "processors", String.valueOf(Runtime.getRuntime().availableProcessors()));
        print(terminal, "heap limit", Runtime.getRuntime().maxMemory() / (1 << 20) + " MiB");
        for (DeviceProvider provider : Devices.all()) {
            String missing = provider.missing();
            print(terminal, "device " + provider.name(), missing.isEmpty() ? "usable" : "not usable: " + missing);
            provider.findings().stream()
                    .filter(line -> !line.equals(missing)) // is said already
                    .forEach(line -> print(terminal, "", line));
        }
        return Cli.OK;
    }

    private static void print(Terminal terminal, String name, String value) {
        terminal.out().printf("%-14s %s%n", name, value);
    }
}
