package espalier.tensor.reference;

import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import espalier.tensor.host.ThreadRanks;
import java.util.ArrayList;
import java.util.List;

/** {@code --device reference}: for tests and doubts, not for serving. */
public final class ReferenceProvider implements DeviceProvider {

    /** For {@link java.util.ServiceLoader}. */
    public ReferenceProvider() {}

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public String missing() {
        return "";
    }

    @Override
    public List<Device> open(Settings settings) {
        var group = new ThreadRanks(settings.ranks());
        var devices = new ArrayList<Device>();
        for (int rank = 0; rank < settings.ranks(); rank++) {
            devices.add(new ReferenceDevice(group, rank));
        }
        return List.copyOf(devices);
    }
}
