package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;

/**
 * Device addresses of a step's arrays, those of {@link espalier.tensor.StepInputs}; kernels read them at every launch, so
 * that a recorded launch can be replayed after their contents changed.
 *
 * @param pageStride page numbers from one row of the page table to the next
 */
public record StepArrays(
        long positions,
        long writeSlots,
        long firstRow,
        long contextLen,
        long seats,
        long pageTable,
        int pageStride,
        int pageSize,
        int sequences,
        int tokens) {

    public StepArrays {
        if (sequences < 1 || tokens < sequences || pageSize < 1 || pageStride < 1) {
            throw new IllegalArgumentException(tokens + " tokens of " + sequences + " sequences, pages of " + pageSize
                    + " in rows of " + pageStride);
        }
    }

    /** The logarithm of a page size that is a power of two, else -1. */
    int pageShift() {
        return Integer.bitCount(pageSize) == 1 ? Integer.numberOfTrailingZeros(pageSize) : -1;
    }

    /** {@code struct Step} of step.cuh. */
    Arguments step(Arguments to) {
        return to.pointer(firstRow)
                .pointer(contextLen)
                .pointer(seats)
                .pointer(pageTable)
                .int32(sequences)
                .int32(tokens)
                .int32(pageStride)
                .int32(pageSize)
                .int32(pageShift())
                .int32(0);
    }
}
