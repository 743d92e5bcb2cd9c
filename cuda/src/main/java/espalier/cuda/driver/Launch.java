package espalier.cuda.driver;

/**
 * How a kernel is launched.
 *
 * @param cluster blocks of a cluster along x; 1 is none
 * @param sharedBytes dynamic shared memory of a block
 */
public record Launch(Dim grid, Dim block, int cluster, int sharedBytes, Order order) {

    /** Counts along three axes. */
    public record Dim(int x, int y, int z) {
        public Dim {
            if (x < 1 || y < 1 || z < 1) {
                throw new IllegalArgumentException("a launch of " + x + "x" + y + "x" + z);
            }
        }

        public static Dim of(int x) {
            return new Dim(x, 1, 1);
        }

        public static Dim of(int x, int y) {
            return new Dim(x, y, 1);
        }

        public long count() {
            return (long) x * y * z;
        }
    }

    /** When the kernel may begin. */
    public enum Order {
        /** When everything queued before has ended. */
        AFTER,
        /**
         * When the kernel before lets it ({@code griddepcontrol.launch_dependents}) or ends; it waits itself ({@code
         * griddepcontrol.wait}) before it reads or writes what others use. From sm_90 on; elsewhere as AFTER.
         */
        DEPENDENT,
        /** As AFTER, with all blocks on the device at once, so that they may wait for each other. */
        COOPERATIVE
    }

    public Launch {
        if (cluster < 1 || grid.x() % cluster != 0 || sharedBytes < 0 || block.count() > 1024) {
            throw new IllegalArgumentException("a launch of " + grid + " blocks in clusters of " + cluster + " of "
                    + block + " threads with " + sharedBytes + " bytes");
        }
    }

    public static Launch of(Dim grid, Dim block) {
        return new Launch(grid, block, 1, 0, Order.AFTER);
    }

    public static Launch of(int blocks, int threads) {
        return of(Dim.of(blocks), Dim.of(threads));
    }

    public Launch shared(int bytes) {
        return new Launch(grid, block, cluster, bytes, order);
    }

    public Launch cluster(int blocks) {
        return new Launch(grid, block, blocks, sharedBytes, order);
    }

    public Launch order(Order next) {
        return new Launch(grid, block, cluster, sharedBytes, next);
    }
}
