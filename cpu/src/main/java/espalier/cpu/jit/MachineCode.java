package espalier.cpu.jit;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/**
 * One piece of emitted code, for flight recordings: tells what stands at the bare addresses that a profiler such as perf
 * shows. {@code jfr print --json --events espalier.MachineCode} lists what a perf map wants.
 */
@Name("espalier.MachineCode")
@Label("Machine Code")
@Category("Espalier")
@Description("A kernel that was emitted")
@StackTrace(false)
final class MachineCode extends Event {
    @Label("Kernel")
    String kernel = "";

    @Label("Address")
    long address;

    @Label("Bytes")
    int bytes;
}
