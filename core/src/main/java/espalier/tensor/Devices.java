package espalier.tensor;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.base.Nearest;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** The kinds of device that are on the module path. */
public final class Devices {
    private static final String AUTO = "auto";

    /** In the order in which {@code auto} takes them. */
    private static final List<String> PREFERENCE = List.of("cuda", "cpu", "reference");

    private Devices() {}

    /** Every kind, usable or not, the preferred first. */
    public static List<DeviceProvider> all() {
        var all = new ArrayList<DeviceProvider>();
        ServiceLoader.load(DeviceProvider.class).forEach(all::add);
        all.sort(java.util.Comparator.comparingInt(p -> Math.floorMod(PREFERENCE.indexOf(p.name()), 1000)));
        return all;
    }

    /**
     * The kind of that name, or for {@code auto} the first that can be used here.
     *
     * @throws RequestRejected for a name that nothing has
     * @throws EngineFault RESOURCE if it cannot be used on this machine
     */
    public static DeviceProvider choose(String name) {
        List<DeviceProvider> all = all();
        for (DeviceProvider each : all) {
            if (name.equals(each.name())) {
                if (!each.missing().isEmpty()) {
                    throw new EngineFault(EngineFault.Code.RESOURCE, "--device " + name + ": " + each.missing());
                }
                return each;
            }
        }
        var known = new ArrayList<>(List.of(AUTO));
        all.forEach(p -> known.add(p.name()));
        if (!name.equals(AUTO)) {
            throw RequestRejected.invalid(
                    "--device",
                    "--device takes one of " + String.join(", ", known) + ", got '" + name + "'"
                            + Nearest.hint(name, known));
        }
        return all.stream()
                .filter(p -> p.missing().isEmpty())
                .findFirst()
                .orElseThrow(() -> new EngineFault(
                        EngineFault.Code.RESOURCE, "no device can be used; espalier check-env says why"));
    }

    /** For {@code auto}: one line for each kind that was passed over, with the reason. */
    public static List<String> unusable(String name) {
        return !name.equals(AUTO)
                ? List.of()
                : all().stream()
                        .takeWhile(p -> !p.missing().isEmpty())
                        .map(p -> "--device auto passes over " + p.name() + ": " + p.missing())
                        .toList();
    }
}
