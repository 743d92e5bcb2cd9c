package espalier.jinja;

import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A compiled Jinja2 template, rendered as Hugging Face transformers renders chat templates: jinja2 3.1's immutable sandbox with
 * trim_blocks, lstrip_blocks, loop controls, {@code generation} blocks, {@code tojson} without HTML escapes,
 * {@code raise_exception} and {@code strftime_now}. Where that raises an error, rendering throws; nothing is skipped or guessed.
 * Immutable and safe for use by many threads at once.
 */
public final class Template {
    private final List<Node> syntax;
    private final Routine routine;
    private final Map<String, Object> globals;
    private final Clock clock;

    private Template(List<Node> syntax, Routine routine, Map<String, Object> globals, Clock clock) {
        this.syntax = syntax;
        this.routine = routine;
        this.globals = globals;
        this.clock = clock;
    }

    /** Throws a {@link TemplateException} with the line at fault. */
    public static Template compile(String source) {
        return compile(source, Map.of());
    }

    /** With further functions that templates can call by name. */
    public static Template compile(String source, Map<String, Function> functions) {
        return compile(source, functions, Clock.system(ZoneId.systemDefault()));
    }

    /** With the clock that {@code strftime_now} reads. */
    public static Template compile(String source, Map<String, Function> functions, Clock clock) {
        Map<String, Object> globals = new HashMap<>(Globals.all());
        functions.forEach((name, function) -> globals.put(name, Values.callable(name, function)));
        List<Node> syntax = Parser.parse(source);
        return new Template(syntax, Compiler.compile(syntax), Map.copyOf(globals), clock);
    }

    /**
     * Whether some loop of the template runs over {@code variable.attribute} (or {@code variable['attribute']}), filtered,
     * tested or sliced perhaps: what reads a value item by item expects a list of it.
     */
    public boolean loopsOver(String variable, String attribute) {
        return Walk.loops(syntax).anyMatch(loop -> Walk.reads(loop.iterable(), variable, attribute));
    }

    /**
     * Renders over variables: null, Boolean, integers (Integer, Long, BigInteger and smaller), Double and Float, String, Iterable
     * (a list), and Map (whose order is kept).
     */
    public String render(Map<String, ? extends @Nullable Object> variables) {
        return run(variables).output.toString();
    }

    /** As {@link #render}, with the ranges of the text that {@code generation} blocks made. */
    public Rendered renderWithGenerations(Map<String, ? extends @Nullable Object> variables) {
        Render render = run(variables);
        List<Span> generations = new ArrayList<>();
        render.generations.forEach(range -> generations.add(new Span(range[0], range[1])));
        return new Rendered(render.output.toString(), List.copyOf(generations));
    }

    private Render run(Map<String, ? extends @Nullable Object> variables) {
        Render render = new Render(clock);
        try {
            Map<String, Object> given = new HashMap<>();
            variables.forEach((name, value) -> given.put(name, Values.of(value)));
            Frame frame = Frame.root(routine.slots(), render, new Variables(globals, given), render.output);
            render.enter(routine.levels());
            routine.body().run(frame);
        } catch (Failure e) {
            throw new TemplateException(0, e);
        }
        return render;
    }

    /** A function for templates to call; arguments and result are as the variables of {@link #render}. */
    public interface Function {
        @Nullable
        Object call(List<? extends @Nullable Object> positional, Map<String, ? extends @Nullable Object> named);
    }

    /** A rendered text, and what of it the model is to be trained on. */
    public record Rendered(String text, List<Span> generations) {}

    /** Chars from a start to before an end. */
    public record Span(int start, int end) {}
}
