package espalier.cpu;

import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.Processor;
import java.util.function.Supplier;

/**
 * Where machine code is to run.
 *
 * @param obstacle why it cannot, as far as can be told without trying; empty if it can
 * @param processor what there is to run on; an {@link espalier.api.EngineFault} where the system refuses to run code
 * @param tiles asks the system for leave to use tiles; empty, or why it is not given
 */
record Host(Supplier<String> obstacle, Supplier<Processor> processor, Supplier<String> tiles) {
    static final Host THIS = new Host(Code::obstacle, Processor::here, AmxKernels::leave);
}
