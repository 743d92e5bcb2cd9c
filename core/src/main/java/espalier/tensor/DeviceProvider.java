package espalier.tensor;

import java.util.List;

/** Found by {@link java.util.ServiceLoader}: one kind of device, by the name that {@code --device} takes. */
public interface DeviceProvider {
    String name();

    /** Empty if it can be used on this machine, else one line that says what is missing. */
    String missing();

    /** Devices for a tensor-parallel group of {@code ranks}, in rank order. */
    List<Device> open(Settings settings);

    /**
     * What a device may be told.
     *
     * @param threads for all ranks together; 0 takes one a physical core
     */
    record Settings(int ranks, int threads) {}
}
