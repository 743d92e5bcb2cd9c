package espalier.cuda.sim;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Failures on demand: any call of the driver may be told to fail at its n-th time, with any exception. Calls are named as
 * the methods of {@link espalier.cuda.driver.Driver}; a graph's launch is "launchGraph", a product "multiply".
 */
public final class Faults {
    private record Planned(String call, int at, Runnable happens) {}

    private final Map<String, Integer> calls = new LinkedHashMap<>();
    private final List<Planned> planned = new ArrayList<>();

    /** Lets the call fail the next time but {@code skip}. */
    public void plan(String call, int skip, RuntimeException fault) {
        plan(call, skip, () -> {
            throw fault;
        });
    }

    /** Likewise lets something else happen before the call is made: a wait that does not end, say. */
    public void plan(String call, int skip, Runnable happens) {
        planned.add(new Planned(call, calls(call) + skip, happens));
    }

    /** How often it was called so far: what a test goes through to let each of them fail. */
    public int calls(String call) {
        return calls.getOrDefault(call, 0);
    }

    /** The calls that were made so far. */
    public List<String> seen() {
        return List.copyOf(calls.keySet());
    }

    void at(String call) {
        int n = calls.merge(call, 1, Integer::sum) - 1;
        for (Planned p : planned) {
            if (p.call.equals(call) && p.at == n) {
                p.happens.run();
            }
        }
    }
}
