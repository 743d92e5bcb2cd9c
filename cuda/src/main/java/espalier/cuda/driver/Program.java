package espalier.cuda.driver;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * CUDA C++ source with everything that decides what it compiles to, the architecture aside (the driver's own).
 *
 * @param name of the source file, as findings and logs name it
 * @param headers text by the name in {@code #include}
 * @param defines macros by name, in the order of their names
 */
public record Program(String name, String source, Map<String, String> headers, Map<String, String> defines) {

    public Program {
        headers = java.util.Collections.unmodifiableMap(new TreeMap<>(headers));
        defines = java.util.Collections.unmodifiableMap(new TreeMap<>(defines));
    }

    /** {@code -DNAME=value}, one a macro. */
    public List<String> defineOptions() {
        return defines.entrySet().stream()
                .map(e -> "-D" + e.getKey() + "=" + e.getValue())
                .toList();
    }

    /** The name and the macros, for messages. */
    public String title() {
        return name + (defines.isEmpty() ? "" : " " + String.join(" ", defineOptions()));
    }
}
