package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Puts launches, copies of matrices and tensor maps into the driver's own structures, in memory that is kept. */
final class Launcher {
    private static final int HOST = 1;
    private static final int DEVICE = 2;

    private static final int COOPERATIVE = 2;
    private static final int CLUSTER = 4;
    private static final int DEPENDENT = 6;
    private static final int ATTRIBUTE_BYTES = 72;

    private static final int MOST_ARGUMENTS = 128;
    private static final int FIRST_WITH_DEPENDENT = 90;

    private final CudaCalls cuda;
    private final LoadedKernels kernels;
    private final Call launch;
    private final boolean dependent;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment config = arena.allocate(56, 8);
    private final MemorySegment attributes = arena.allocate(3 * ATTRIBUTE_BYTES, 8);
    private final MemorySegment values = arena.allocate(4096 + 64, 64);
    private final MemorySegment pointers = arena.allocate(JAVA_LONG, MOST_ARGUMENTS);
    private final MemorySegment rows = arena.allocate(128, 8);

    Launcher(CudaCalls cuda, LoadedKernels kernels, DeviceProperties properties) {
        this.cuda = cuda;
        this.kernels = kernels;
        this.launch = cuda.call("cuLaunchKernelEx", 4);
        this.dependent = properties.computeCapability() >= FIRST_WITH_DEPENDENT;
    }

    void launch(Stream stream, Kernel kernel, Launch how, Arguments arguments) {
        LoadedKernels.Loaded loaded = kernels.of(kernel);
        requireSizes(kernel, loaded, arguments);
        kernels.allowShared(kernel, loaded, how.sharedBytes());
        MemorySegment.copy(arguments.packed(), 0, values, 0, arguments.packed().byteSize());
        for (int i = 0; i < arguments.count(); i++) {
            pointers.setAtIndex(JAVA_LONG, i, values.address() + arguments.offset(i));
        }
        config.setAtIndex(JAVA_INT, 0, how.grid().x());
        config.setAtIndex(JAVA_INT, 1, how.grid().y());
        config.setAtIndex(JAVA_INT, 2, how.grid().z());
        config.setAtIndex(JAVA_INT, 3, how.block().x());
        config.setAtIndex(JAVA_INT, 4, how.block().y());
        config.setAtIndex(JAVA_INT, 5, how.block().z());
        config.setAtIndex(JAVA_INT, 6, how.sharedBytes());
        config.set(JAVA_LONG, 32, stream.handle());
        config.set(JAVA_LONG, 40, attributes.address());
        config.set(JAVA_INT, 48, attributes(how));
        int status = launch.with(config.address(), kernel.handle(), pointers.address(), 0);
        if (status != 0) {
            throw cuda.fault(status, "launching " + kernel.name() + " (cuLaunchKernelEx), " + how);
        }
    }

    private int attributes(Launch how) {
        int count = 0;
        if (how.cluster() > 1) {
            attribute(count++, CLUSTER, how.cluster());
        }
        switch (how.order()) {
            case AFTER -> {}
            case DEPENDENT -> {
                if (dependent) {
                    attribute(count++, DEPENDENT, 1);
                }
            }
            case COOPERATIVE -> attribute(count++, COOPERATIVE, 1);
        }
        return count;
    }

    /** The value's first number; a cluster's other two sizes are one. */
    private void attribute(int index, int id, int value) {
        long at = (long) index * ATTRIBUTE_BYTES;
        attributes.set(JAVA_INT, at, id);
        attributes.set(JAVA_INT, at + 8, value);
        attributes.set(JAVA_INT, at + 12, 1);
        attributes.set(JAVA_INT, at + 16, 1);
    }

    private static void requireSizes(Kernel kernel, LoadedKernels.Loaded loaded, Arguments arguments) {
        boolean same = loaded.sizes.length == arguments.count();
        for (int i = 0; same && i < arguments.count(); i++) {
            same = loaded.sizes[i] == arguments.size(i);
        }
        if (!same) {
            var given = new int[arguments.count()];
            java.util.Arrays.setAll(given, arguments::size);
            throw new IllegalArgumentException("kernel " + kernel.name() + " takes arguments of "
                    + java.util.Arrays.toString(loaded.sizes) + " bytes, given " + java.util.Arrays.toString(given));
        }
    }

    /** {@code CUDA_MEMCPY2D}: sixteen fields of eight bytes. */
    void copy(Stream stream, Copy2D copy) {
        rows.fill((byte) 0);
        switch (copy.from()) {
            case Copy2D.Source.Host(MemorySegment memory) -> {
                rows.setAtIndex(JAVA_LONG, 2, HOST);
                rows.setAtIndex(JAVA_LONG, 3, memory.address());
            }
            case Copy2D.Source.Device(long address) -> {
                rows.setAtIndex(JAVA_LONG, 2, DEVICE);
                rows.setAtIndex(JAVA_LONG, 4, address);
            }
        }
        rows.setAtIndex(JAVA_LONG, 6, copy.fromPitch());
        rows.setAtIndex(JAVA_LONG, 9, DEVICE);
        rows.setAtIndex(JAVA_LONG, 11, copy.to());
        rows.setAtIndex(JAVA_LONG, 13, copy.toPitch());
        rows.setAtIndex(JAVA_LONG, 14, copy.rowBytes());
        rows.setAtIndex(JAVA_LONG, 15, copy.rows());
        cuda.run("cuMemcpy2DAsync_v2", rows.address(), stream.handle());
    }

    TensorMap tensorMap(TensorMap.Layout layout) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment map = scratch.allocate(TensorMap.BYTES, 64);
            MemorySegment ones = scratch.allocate(JAVA_INT, 5);
            for (int i = 0; i < 5; i++) {
                ones.setAtIndex(JAVA_INT, i, 1);
            }
            int status = cuda.status(
                    "cuTensorMapEncodeTiled",
                    map.address(),
                    type(layout.element()),
                    layout.rank(),
                    layout.address(),
                    scratch.allocateFrom(JAVA_LONG, layout.sizes().of()).address(),
                    scratch.allocateFrom(
                                    JAVA_LONG,
                                    java.util.Arrays.copyOf(layout.strideBytes().of(), 5))
                            .address(),
                    scratch.allocateFrom(JAVA_INT, layout.box().of()).address(),
                    ones.address(),
                    0,
                    swizzle(layout.swizzle()),
                    promotion(layout.promotion()),
                    0);
            cuda.check(status, "cuTensorMapEncodeTiled of " + layout);
            return new TensorMap(Arena.ofAuto().allocate(TensorMap.BYTES, 64).copyFrom(map));
        }
    }

    private static int type(TensorMap.Element element) {
        return switch (element) {
            case U8 -> 0;
            case I32 -> 3;
            case F16 -> 6;
            case F32 -> 7;
            case BF16 -> 9;
        };
    }

    private static int swizzle(TensorMap.Swizzle swizzle) {
        return switch (swizzle) {
            case NONE -> 0;
            case BYTES_32 -> 1;
            case BYTES_64 -> 2;
            case BYTES_128 -> 3;
        };
    }

    private static int promotion(TensorMap.Promotion promotion) {
        return switch (promotion) {
            case NONE -> 0;
            case BYTES_64 -> 1;
            case BYTES_128 -> 2;
            case BYTES_256 -> 3;
        };
    }

    void close() {
        arena.close();
    }
}
