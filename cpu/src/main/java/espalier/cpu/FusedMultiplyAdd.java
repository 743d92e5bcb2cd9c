package espalier.cpu;

/**
 * Whether {@code fma} is an instruction here. On x86 before Haswell, and in virtual machines that hide it, the JVM computes it
 * exactly by {@link java.math.BigDecimal}, some thousand times slower; the kernels of the Vector API are then of no use.
 *
 * <p>The JDK tells neither what the processor has nor what the JVM makes of it, but by management beans, which take some
 * 50 ms of a start. So a few calls are timed: an instruction takes less than a tenth of a microsecond even in the interpreter,
 * where the other way takes several hundred, and compiled still more than one.
 */
final class FusedMultiplyAdd {
    private static final int CALLS = 64;
    private static final int ROUNDS = 4;
    private static final long MOST_NANOS = 500;

    private FusedMultiplyAdd() {}

    static boolean isInstruction() {
        String processor = System.getProperty("os.arch", "");
        if (!processor.equals("amd64") && !processor.equals("x86_64")) {
            return true; // all others that Java runs on have it
        }
        for (int i = 0; i < ROUNDS; i++) { // whatever interrupts one round spares another
            if (nanos() < MOST_NANOS * CALLS) {
                return true;
            }
        }
        return false;
    }

    private static long nanos() {
        float sum = 1;
        long start = System.nanoTime();
        for (int i = 0; i < CALLS; i++) {
            sum = Math.fma(sum, 1.1f, 0.1f);
        }
        long nanos = System.nanoTime() - start;
        return sum > 0 ? nanos : Long.MAX_VALUE; // the sum is used, so it is computed
    }
}
