package espalier.model.family;

import espalier.api.EngineFault;
import espalier.base.Nearest;
import espalier.model.ModelConfig;
import espalier.model.ModelDefinition;
import java.util.List;
import java.util.TreeSet;

/** Every family that can be loaded. */
public final class Families {
    private static final List<ModelDefinition> ALL = List.of(new Llama());

    private Families() {}

    public static List<ModelDefinition> all() {
        return ALL;
    }

    /**
     * The family of a config.
     *
     * @throws EngineFault that lists what is supported, and the nearest
     */
    public static ModelDefinition of(ModelConfig config) {
        List<String> wanted = config.texts("architectures");
        for (String name : wanted) {
            for (ModelDefinition family : ALL) {
                if (family.architectures().contains(name)) {
                    return family;
                }
            }
        }
        var known = new TreeSet<String>();
        ALL.forEach(family -> known.addAll(family.architectures()));
        String supported = "supported are " + String.join(", ", known);
        if (wanted.isEmpty()) {
            throw config.fault("architectures", "is missing; " + supported);
        }
        String name = wanted.getFirst();
        throw config.fault(
                "architectures",
                "names '" + name + "', which is not supported" + Nearest.hint(name, known) + "; " + supported);
    }
}
