package espalier.cuda.kernel;

import espalier.api.EngineFault;
import espalier.cuda.driver.Program;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The CUDA sources that lie beside this class. */
final class Sources {
    private static final Pattern INCLUDE = Pattern.compile("(?m)^\\s*#\\s*include\\s+\"([^\"]+)\"");

    private Sources() {}

    /** {@code file} with every header that it includes, and theirs. */
    static Program program(String file, Map<String, ?> defines) {
        var headers = new HashMap<String, String>();
        String source = read(file);
        collect(source, headers);
        var macros = new HashMap<String, String>();
        defines.forEach((name, value) -> macros.put(name, value.toString()));
        return new Program(file, source, headers, macros);
    }

    private static void collect(String source, Map<String, String> headers) {
        Matcher each = INCLUDE.matcher(source);
        while (each.find()) {
            String name = each.group(1);
            if (!headers.containsKey(name)) {
                String text = read(name);
                headers.put(name, text);
                collect(text, headers);
            }
        }
    }

    private static String read(String file) {
        try (InputStream in = Sources.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new EngineFault(EngineFault.Code.INTERNAL, "this build lacks its CUDA source " + file);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "cannot read the CUDA source " + file, e);
        }
    }
}
