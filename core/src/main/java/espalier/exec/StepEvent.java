package espalier.exec;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/**
 * One step on one rank, for flight recordings: the event's own duration is that of the forward pass, which on a device
 * that runs ahead is the time to queue it.
 */
@Name("espalier.Step")
@Label("Step")
@Category("Espalier")
@Description("A forward pass")
@StackTrace(false)
final class StepEvent extends Event {
    @Label("Step")
    long number;

    @Label("Tokens")
    int tokens;

    @Label("Sequences")
    int sequences;

    @Label("Sampled")
    int samples;

    @Label("Sharing")
    @Description("Sequences whose common prefix is read once for all of them")
    int sharing;
}
