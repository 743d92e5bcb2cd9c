package espalier.jinja;

import espalier.jinja.Code.Flow;
import espalier.jinja.Code.Statement;
import espalier.jinja.Symbols.Load;
import espalier.jinja.Symbols.Slot;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Fills the slots of a scope as it is entered. */
final class Entry {
    private Entry() {}

    static Statement of(Symbols symbols) {
        List<Statement> loads = new ArrayList<>();
        for (Map.Entry<Slot, Load> load : symbols.loads().entrySet()) {
            int slot = load.getKey().index();
            switch (load.getValue()) {
                case Load.Parameter parameter -> {}
                case Load.Resolve resolve ->
                    loads.add(frame -> {
                        frame.slots[slot] = frame.variables.resolve(resolve.name());
                        return Flow.NEXT;
                    });
                case Load.Alias alias -> {
                    int source = alias.slot().index();
                    int distance = alias.slot().distance(symbols.function());
                    loads.add(frame -> {
                        frame.slots[slot] = frame.outer(distance).slots[source];
                        return Flow.NEXT;
                    });
                }
                case Load.Undefined undefined ->
                    loads.add(frame -> {
                        frame.slots[slot] = Missing.MISSING;
                        return Flow.NEXT;
                    });
            }
        }
        Statement[] all = loads.toArray(new Statement[0]);
        return frame -> {
            for (Statement load : all) {
                load.run(frame);
            }
            return Flow.NEXT;
        };
    }
}
