package espalier.sched;

/** Where arrays come from whose length a request decides: the heap, or a test's that has no more. */
interface Ints {
    /** @throws OutOfMemoryError where there is no memory for so many */
    int[] of(int count);
}
