package espalier.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleReader;
import java.lang.module.ResolvedModule;

/**
 * Loads every class of ours. The cache for quick starts holds what the process loaded that it was made of, and that one sees one
 * command and one model: other commands, file formats and number formats would be read from jars at each of their starts.
 */
final class OwnClasses {
    /** A system property; the launcher sets it for that process alone. */
    private static final String WANTED = "espalier.loadAll";

    private OwnClasses() {}

    static void loadIfWanted() {
        if (Boolean.getBoolean(WANTED)) {
            ModuleLayer.boot().configuration().modules().stream()
                    .filter(module -> module.name().startsWith("espalier."))
                    .forEach(OwnClasses::load);
        }
    }

    private static void load(ResolvedModule module) {
        Module ours = ModuleLayer.boot().findModule(module.name()).orElseThrow();
        try (ModuleReader reader = module.reference().open()) {
            reader.list()
                    .filter(name -> name.endsWith(".class") && !name.equals("module-info.class"))
                    .map(name ->
                            name.substring(0, name.length() - ".class".length()).replace('/', '.'))
                    .forEach(name -> Class.forName(ours, name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
