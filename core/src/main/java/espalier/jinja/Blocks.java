package espalier.jinja;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The named blocks of a template. */
record Blocks(Map<String, Routine> routines) {
    /** Renders a block over the top-level variables, or over those with the locals of a scoped block. */
    void render(String name, Frame from, Variables variables) {
        Routine routine = routine(name);
        if (routine == null) {
            throw new IllegalStateException("a block that was not compiled: " + name);
        }
        run(routine, from.render, variables, from.out);
    }

    private @Nullable Routine routine(String name) {
        return routines.get(name);
    }

    private static void run(Routine routine, Render render, Variables variables, Text out) {
        render.enter(routine.levels());
        routine.body().run(Frame.root(routine.slots(), render, variables, out));
        render.leave(routine.levels());
    }

    /** The variable {@code self}, whose attributes render blocks. */
    record Reference(Blocks blocks, Variables variables) {
        @Nullable
        Object block(Object key) {
            String name = Types.text(key);
            Routine routine = name == null ? null : blocks.routine(name);
            if (routine == null) {
                return null;
            }
            return (Callable) (render, arguments) -> {
                Text out = new Text(render);
                run(routine, render, variables, out);
                return out.toString();
            };
        }
    }
}
