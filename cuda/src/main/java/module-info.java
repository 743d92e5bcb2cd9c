/** The CUDA device's place. It refuses clearly until it is built. */
@org.jspecify.annotations.NullMarked
module espalier.cuda {
    requires espalier.core;
    requires static org.jspecify;

    provides espalier.tensor.DeviceProvider with
            espalier.cuda.CudaProvider;
}
