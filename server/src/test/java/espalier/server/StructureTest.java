package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The packages of this module are a one-way street as those of the core are, and keep to what is theirs. */
class StructureTest {
    private static final List<Set<String>> FROM_THE_BOTTOM = List.of(
            Set.of("espalier.http", "espalier.metrics"),
            Set.of("espalier.serving"),
            Set.of("espalier.openai", "espalier.sglang"),
            Set.of("espalier.server", "espalier.load"),
            Set.of("espalier.cli"));

    private static final Pattern OURS = Pattern.compile("(espalier(?:/[a-z]\\w*)+)/[A-Z]");

    @Test
    void packagesUseLowerOnesOnly() {
        var wrong = new TreeSet<String>();
        for (ClassModel c : classes()) {
            for (PoolEntry entry : c.constantPool()) {
                Matcher used = OURS.matcher(text(entry));
                while (used.find()) {
                    String to = used.group(1).replace('/', '.');
                    if (!to.equals(packageOf(c)) && level(to) >= level(packageOf(c))) {
                        wrong.add(name(c) + " uses " + to);
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void httpKnowsNoModel() {
        Set<String> allowed = Set.of("espalier/http", "espalier/api/EngineFault", "espalier/api/RequestRejected");
        assertThat(users((c, entry) -> packageOf(c).equals("espalier.http")
                        && entry instanceof ClassEntry e
                        && e.asInternalName().startsWith("espalier/")
                        && allowed.stream().noneMatch(e.asInternalName()::startsWith)))
                .isEmpty();
    }

    @Test
    void oneClassKnowsTheHttpLibrary() {
        assertThat(users((c, entry) -> text(entry).contains("io/vertx/")))
                .allSatisfy(user -> assertThat(user).startsWith("espalier.http.HttpListener"));
    }

    @Test
    void theEnvironmentIsLeftToTheCommandLine() {
        assertThat(users((c, entry) -> !packageOf(c).equals("espalier.cli")
                        && entry instanceof MemberRefEntry m
                        && m.owner().asInternalName().equals("java/lang/System")
                        && Set.of("getenv", "getProperty", "setProperty")
                                .contains(m.name().stringValue())))
                .isEmpty();
    }

    private static TreeSet<String> users(BiPredicate<ClassModel, PoolEntry> wanted) {
        var users = new TreeSet<String>();
        for (ClassModel c : classes()) {
            for (PoolEntry entry : c.constantPool()) {
                if (wanted.test(c, entry)) {
                    users.add(name(c));
                }
            }
        }
        return users;
    }

    private static int level(String name) {
        for (int i = 0; i < FROM_THE_BOTTOM.size(); i++) {
            if (FROM_THE_BOTTOM.get(i).contains(name)) {
                return i;
            }
        }
        return -1; // of the core, which is below all of these
    }

    private static String text(PoolEntry entry) {
        return switch (entry) {
            case ClassEntry c -> c.asInternalName();
            case Utf8Entry u -> u.stringValue();
            default -> "";
        };
    }

    private static List<ClassModel> classes() {
        Path root = Path.of(System.getProperty("espalier.root", ".."));
        try (var files = Files.walk(root.resolve("server/target/classes"))) {
            return files.filter(f -> f.toString().endsWith(".class") && !f.endsWith("module-info.class"))
                    .map(StructureTest::parse)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ClassModel parse(Path file) {
        try {
            return ClassFile.of().parse(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String name(ClassModel c) {
        return c.thisClass().asInternalName().replace('/', '.');
    }

    private static String packageOf(ClassModel c) {
        return name(c).substring(0, name(c).lastIndexOf('.'));
    }
}
