package espalier.tensor;

import java.time.Duration;
import java.util.List;

/** Found by {@link java.util.ServiceLoader}: one kind of device, by the name that {@code --device} takes. */
public interface DeviceProvider {
    String name();

    /** Empty if it can be used on this machine, else one line that says what is missing. */
    String missing();

    /** What {@code check-env} tells about this machine beyond {@link #missing}: one line each. */
    default List<String> findings() {
        return List.of();
    }

    /**
     * Refuses what this kind of device never does, before a model is looked for.
     *
     * @throws espalier.api.RequestRejected with the flag, what is possible, and the way out
     */
    default void require(Demand demand) {}

    /** Devices for a tensor-parallel group of {@code ranks}, in rank order. */
    List<Device> open(Settings settings);

    /**
     * What is known of a model's use before the model is.
     *
     * @param kvType what its cache stores keys and values as
     */
    record Demand(Settings settings, KvType kvType, Weights weights) {}

    /** What becomes of a checkpoint's weight matrices. */
    enum Weights {
        /** They stay what they are. */
        AS_STORED,
        /** {@code --quantization} turns them into blocks. */
        QUANTIZED
    }

    /**
     * What a device may be told.
     *
     * @param threads for all ranks together; 0 takes one a physical core
     */
    record Settings(int ranks, int threads, Products products, Cpu cpu, Gpu gpu) {
        /** The fastest products by whatever kernels there are. */
        public Settings(int ranks, int threads) {
            this(ranks, threads, Products.FASTEST, CpuKernels.AUTO);
        }

        /** For a CPU that serves many sequences. */
        public Settings(int ranks, int threads, Products products, CpuKernels kernels) {
            this(
                    ranks,
                    threads,
                    products,
                    new Cpu(kernels, Aim.THROUGHPUT),
                    new Gpu(DType.BF16, 0, Sums.FASTEST, Device.Prefixes.SHARED, Duration.ofMinutes(5)));
        }
    }

    /**
     * What a CPU may be told.
     *
     * @param prefixes whether a prefix that sequences share may be read once for all of them
     */
    record Cpu(CpuKernels kernels, Aim aim, Device.Prefixes prefixes) {
        /** Which reads shared prefixes once. */
        public Cpu(CpuKernels kernels, Aim aim) {
            this(kernels, aim, Device.Prefixes.SHARED);
        }
    }

    /**
     * What a GPU may be told.
     *
     * @param activations BF16 or F16: what it computes in
     * @param mostRecorded the largest batch of decoding steps that is recorded beforehand; 0 records none
     * @param prefixes whether a prefix that sequences share may be read once for all of them
     * @param patience after so long without an answer it is given up
     */
    record Gpu(DType activations, int mostRecorded, Sums sums, Device.Prefixes prefixes, Duration patience) {}

    /** In which order products are summed up on a GPU. */
    enum Sums {
        /** By what is fastest for the number of rows. */
        FASTEST,
        /** By one that does not depend on the number of rows. */
        ALWAYS_ALIKE
    }

    /** What products with weights are computed in. */
    enum Products {
        /** Numbers of the weights' own precision: activations are rounded to it, sums are F32 or exact. */
        FASTEST,
        /** F32, whatever the weights are stored in. */
        FLOAT32
    }

    /** Which instructions the CPU device computes products by; formats that they have none for go to the Vector API. */
    enum CpuKernels {
        /** The best of the others that this machine has. */
        AUTO,
        AMX,
        AVX512,
        AVX2,
        /** No machine code of ours. */
        VECTOR
    }

    /** What kernels are chosen for, where there are several for a format. */
    enum Aim {
        /** Prompts, and many sequences at once. */
        THROUGHPUT,
        /**
         * A single sequence: weights in blocks go by integer dot products even where there are tiles. It decodes up to 1.4
         * times as fast, prompts and many sequences at about half the speed.
         */
        LATENCY
    }
}
