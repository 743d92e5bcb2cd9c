package espalier.cuda.driver;

/**
 * What kernels are chosen and sized by.
 *
 * @param ordinal the GPU's number among those that the driver shows
 * @param major of the compute capability, {@code minor} alike: 9 and 0 for Hopper
 * @param sharedBytesPerBlock the most dynamic shared memory that a block may ask for
 * @param driverVersion as CUDA counts: 12040 is 12.4
 */
public record DeviceProperties(
        int ordinal,
        String name,
        int major,
        int minor,
        int multiprocessors,
        int sharedBytesPerBlock,
        long l2Bytes,
        long memoryBytes,
        int driverVersion) {

    public int computeCapability() {
        return 10 * major + minor;
    }

    /** As NVRTC names it, with the architecture's own instructions where there are such: "80", "90a", "100a". */
    public String architecture() {
        return computeCapability() + (major == 9 || major == 10 || major == 11 ? "a" : "");
    }
}
