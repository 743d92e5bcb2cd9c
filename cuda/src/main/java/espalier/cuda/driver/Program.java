package espalier.cuda.driver;

import espalier.api.EngineFault;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
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

    /** 32 hexadecimal digits that stand for all of it, and for the {@code environment} that it is compiled or used in. */
    public String hash(String environment) {
        try {
            var digest = MessageDigest.getInstance("SHA-256");
            add(digest, environment);
            add(digest, name);
            add(digest, source);
            for (Map<String, String> each : List.of(headers, defines)) {
                each.forEach((key, text) -> {
                    add(digest, key);
                    add(digest, text);
                });
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "this Java runtime lacks SHA-256", e);
        }
    }

    private static void add(MessageDigest digest, String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
    }
}
