package espalier.structure;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Packages are a one-way street: each may use those on lower lines only, and those on one line do not know each other.
 * One import the wrong way is how a code base begins to be readable as a whole or not at all.
 */
class PackageOrderTest {
    private static final List<Set<String>> FROM_THE_BOTTOM = List.of(
            Set.of("espalier.base"),
            Set.of("espalier.api"),
            Set.of("espalier.step"),
            Set.of("espalier.text", "espalier.jinja", "espalier.kv", "espalier.tensor"),
            Set.of("espalier.tensor.host", "espalier.checkpoint"),
            Set.of("espalier.tensor.reference", "espalier.checkpoint.hub", "espalier.checkpoint.gguf"),
            Set.of("espalier.model", "espalier.sched"),
            Set.of("espalier.model.family", "espalier.config"),
            Set.of("espalier.exec"),
            Set.of("espalier.engine"),
            Set.of("espalier.launch"),
            Set.of("espalier.chat"));

    /** A class in a package of ours, as names in descriptors and signatures have it. */
    private static final Pattern OURS = Pattern.compile("(espalier(?:/[a-z]\\w*)+)/[A-Z]");

    @Test
    void packagesUseLowerOnesOnly() {
        var wrong = new TreeSet<String>();
        for (ClassModel c : Classes.all()) {
            String user = packageOf(c);
            for (PoolEntry entry : c.constantPool()) {
                Matcher used = OURS.matcher(text(entry));
                while (used.find()) {
                    String to = used.group(1).replace('/', '.');
                    if (!to.equals(user) && level(to) >= level(user)) {
                        wrong.add(Classes.name(c) + " uses " + to);
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    private static String text(PoolEntry entry) {
        return switch (entry) {
            case ClassEntry c -> c.asInternalName();
            case Utf8Entry u -> u.stringValue();
            default -> "";
        };
    }

    private static String packageOf(ClassModel c) {
        String name = Classes.name(c);
        return name.substring(0, name.lastIndexOf('.'));
    }

    private static int level(String name) {
        for (int i = 0; i < FROM_THE_BOTTOM.size(); i++) {
            if (FROM_THE_BOTTOM.get(i).contains(name)) {
                return i;
            }
        }
        throw new AssertionError("package " + name + " has no place in the order: give it one in PackageOrderTest");
    }
}
