/**
 * An x86-64 assembler, and the kernels that it emits at start for the processor it finds. It knows bytes, registers and
 * addresses; tensors, threads and memory for weights belong to {@code espalier.cpu}, which is above.
 */
@org.jspecify.annotations.NullMarked
package espalier.cpu.jit;
