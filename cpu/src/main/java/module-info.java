/** The CPU device: Vector API kernels over a fixed team of threads. */
@org.jspecify.annotations.NullMarked
module espalier.cpu {
    requires espalier.core;
    requires jdk.incubator.vector;
    requires jdk.jfr;
    requires static org.jspecify;

    provides espalier.tensor.DeviceProvider with
            espalier.cpu.CpuProvider;
}
