package espalier.cuda.cases;

import espalier.cuda.driver.DeviceProperties;

/**
 * A kernel family at one shape. {@link #check} compares it with a plain reference, at a size that the simulator can do,
 * on the simulator and on a GPU; {@link #time} runs it at the sizes that matter, on a GPU alone. Both get a workbench of
 * their own, whose memory is freed afterwards.
 */
public interface KernelCase {
    /** Unique, family first: {@code "decode attention d128 page 16 mixed"}. */
    String name();

    default boolean runsOn(DeviceProperties device) {
        return true;
    }

    void check(Workbench bench);

    default void time(Workbench bench) {}
}
