package espalier.structure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The compiled classes of this module, tests aside, and the places of the repository. */
final class Classes {
    private Classes() {}

    static Path repository() {
        return Path.of(System.getProperty("espalier.root", ".."))
                .toAbsolutePath()
                .normalize();
    }

    static List<ClassModel> all() {
        try (var files = Files.walk(repository().resolve("core/target/classes"))) {
            return files.filter(f -> f.toString().endsWith(".class") && !f.endsWith("module-info.class"))
                    .map(Classes::parse)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String name(ClassModel c) {
        return c.thisClass().asInternalName().replace('/', '.');
    }

    private static ClassModel parse(Path file) {
        try {
            return ClassFile.of().parse(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
