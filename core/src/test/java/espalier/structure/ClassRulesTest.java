package espalier.structure;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.classfile.ClassModel;
import java.lang.classfile.FieldModel;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.reflect.AccessFlag;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What CONTRIBUTING forbids and a class file shows. */
class ClassRulesTest {
    private static final Pattern MUTABLE =
            Pattern.compile("Ljava/(lang/ThreadLocal|util/concurrent/(atomic/|Concurrent|.*Queue"
                    + "|.*Deque|locks/).*|util/(Hash|Tree|LinkedHash|Enum|Identity|WeakHash)\\w+|util/(ArrayList|ArrayDeque|LinkedList"
                    + "|Random|BitSet));");
    private static final Pattern VAGUE =
            Pattern.compile("(Manager|Handler|Helper|Utils?|Impl|Base|Abstract|Context|Data|Info)(?![a-z])");
    /** The wire calls it so. */
    private static final Set<String> NAMED_SO = Set.of("EngineInfo");

    @Test
    void nothingStaticCanChange() {
        var wrong = new TreeSet<String>();
        for (ClassModel c : Classes.all()) {
            for (FieldModel f : c.fields()) {
                boolean fixed = f.flags().has(AccessFlag.FINAL)
                        && !MUTABLE.matcher(f.fieldType().stringValue()).matches();
                if (f.flags().has(AccessFlag.STATIC) && !f.flags().has(AccessFlag.SYNTHETIC) && !fixed) {
                    wrong.add(Classes.name(c) + "." + f.fieldName().stringValue());
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void theEnvironmentAndSystemPropertiesAreLeftToTheCommandLine() {
        var wrong = new TreeSet<String>();
        for (ClassModel c : Classes.all()) {
            for (var entry : c.constantPool()) {
                if (entry instanceof MemberRefEntry m
                        && m.owner().asInternalName().equals("java/lang/System")
                        && Set.of("getenv", "getProperty", "getProperties", "setProperty")
                                .contains(m.name().stringValue())) {
                    wrong.add(Classes.name(c) + " calls System." + m.name().stringValue());
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void noClassInheritsFromAnotherOfOurs() {
        var wrong = new TreeSet<String>();
        for (ClassModel c : Classes.all()) {
            boolean ours = c.superclass()
                    .filter(s -> s.asInternalName().startsWith("espalier/"))
                    .isPresent();
            // A constant of an enum with a body is a subclass of it.
            if (ours && !c.flags().has(AccessFlag.ENUM)) {
                wrong.add(Classes.name(c));
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void namesSayWhatAThingIs() {
        var wrong = new TreeSet<String>();
        for (ClassModel c : Classes.all()) {
            String name = Classes.name(c);
            String simple = name.substring(Math.max(name.lastIndexOf('.'), name.lastIndexOf('$')) + 1);
            if (VAGUE.matcher(simple).find() && !NAMED_SO.contains(simple)) {
                wrong.add(name);
            }
        }
        assertThat(wrong).isEmpty();
    }
}
