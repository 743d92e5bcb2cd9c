package espalier.cuda.sim;

import espalier.cuda.cases.Workbench;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A mistake, planted in a kernel's source as a text substitution.
 *
 * @param run returns whether the results are right
 * @param kinds of the findings that name the mistake: one of them must come; none where only the result can be wrong
 */
record PlantedBug(String what, String arch, Run run, String old, String with, Set<Finding.Kind> kinds) {
    private static final long INSTRUCTIONS = 2_000_000;

    interface Run {
        boolean rightOn(Workbench bench);
    }

    /** What a run on a simulated device came to. */
    record Outcome(boolean right, List<Finding> findings, double worstConflict) {
        /** Whether the mistake is found, by the check that names it. */
        boolean names(PlantedBug bug) {
            return bug.kinds.isEmpty() ? !right : findings.stream().anyMatch(f -> bug.kinds.contains(f.kind()));
        }

        boolean isClean() {
            return right && findings.isEmpty();
        }
    }

    /** With the mistake; nothing on a machine without NVRTC. */
    Optional<Outcome> planted(int schedule) {
        boolean[] hit = {false};
        var outcome = outcome(SimulatedDriver.Setup.of(arch).schedule(schedule).source(text -> {
            hit[0] |= text.contains(old);
            return text.replace(old, with);
        }));
        if (outcome.isPresent() && !hit[0]) {
            throw new IllegalStateException("no place for: " + what);
        }
        return outcome;
    }

    /** Without it. */
    Optional<Outcome> clean(int schedule) {
        return outcome(SimulatedDriver.Setup.of(arch).schedule(schedule));
    }

    private Optional<Outcome> outcome(SimulatedDriver.Setup setup) {
        return SimulatedDriver.open(setup).map(device -> {
            device.simulator().instructionLimit = INSTRUCTIONS;
            try (device;
                    var bench = new Workbench(device)) {
                boolean right = isRight(bench);
                return new Outcome(
                        right, List.copyOf(device.findings()), device.counters().worstConflict());
            }
        });
    }

    private boolean isRight(Workbench bench) {
        try {
            return run.rightOn(bench);
        } catch (AssertionError e) { // the case's comparison with its reference
            return false;
        }
    }
}
