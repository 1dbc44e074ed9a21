package dev.lockstep;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The house of the design: who may import whom, and what only the command line may do. */
class ArchitectureTest {
    private static final String ROOT = "dev.lockstep";
    private static final String CLI = ROOT + ".cli..";

    /** From the ground up; a package imports only from floors below its own, and the root package is the ground. */
    private static final List<List<String>> FLOORS = List.of(
            List.of(""),
            List.of("memory"),
            List.of("kernel"),
            List.of("net", "data", "files", "page"),
            List.of("optim"),
            List.of("step"),
            List.of("train", "evaluate", "model"),
            List.of("report", "tune", "ml", "serve"),
            List.of("cli"));

    /** Ours in conf/spark-defaults.conf: a class and a method, in both of which * stands for any characters. */
    private static final Pattern COMPILED_METHODS = Pattern.compile("dev\\.lockstep\\.[\\w.$*]+::[\\w*]+");

    private static final JavaClasses CLASSES = importMainClasses();

    private static JavaClasses importMainClasses() {
        URL classes =
                BadInputException.class.getProtectionDomain().getCodeSource().getLocation();
        return new ClassFileImporter().importUrl(classes);
    }

    private static Map<String, Integer> floorOfPackage() {
        Map<String, Integer> floors = new HashMap<>();
        for (int floor = 0; floor < FLOORS.size(); floor++) {
            for (String name : FLOORS.get(floor)) {
                floors.put(name, floor);
            }
        }
        return floors;
    }

    private static boolean isOurs(JavaClass c) {
        return c.getPackageName().equals(ROOT) || c.getPackageName().startsWith(ROOT + ".");
    }

    /** The package below the root: kernel for dev.lockstep.kernel.vector, nothing for the root. */
    private static String room(JavaClass c) {
        String name = c.getPackageName();
        return name.equals(ROOT) ? "" : name.substring(ROOT.length() + 1).split("\\.")[0];
    }

    private static ArchCondition<JavaClass> importOnlyFromFloorsBelow() {
        Map<String, Integer> floors = floorOfPackage();
        return new ArchCondition<>("import only from floors below their own") {
            @Override
            public void check(JavaClass c, ConditionEvents events) {
                Integer own = floors.get(room(c));
                if (own == null) {
                    events.add(SimpleConditionEvent.violated(c, c.getName() + " is in a package without a floor"));
                    return;
                }
                for (Dependency dependency : c.getDirectDependenciesFromSelf()) {
                    JavaClass target = dependency.getTargetClass().getBaseComponentType();
                    boolean allowed = !isOurs(target)
                            || room(target).equals(room(c))
                            || floors.getOrDefault(room(target), Integer.MAX_VALUE) < own;
                    if (!allowed) {
                        events.add(SimpleConditionEvent.violated(c, dependency.getDescription()));
                    }
                }
            }
        };
    }

    @Test
    void everyPackageImportsOnlyFromFloorsBelow() {
        // If nothing was imported, every rule here would hold.
        assertThat(CLASSES.size()).isGreaterThan(20);
        classes().should(importOnlyFromFloorsBelow()).check(CLASSES);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching(ROOT + ".(**)").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void theRootPackageHoldsTheExceptionOnly() {
        classes()
                .that()
                .resideInAPackage(ROOT)
                .should()
                .be(BadInputException.class)
                .check(CLASSES);
    }

    @Test
    void onlyTheCommandLineEndsTheProcess() {
        noClasses()
                .that()
                .resideOutsideOfPackage(CLI)
                .should()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "halt", int.class)
                .check(CLASSES);
    }

    @Test
    void onlyTheCommandLinePrints() {
        noClasses()
                .that()
                .resideOutsideOfPackage(CLI)
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .orShould()
                .callMethod(Throwable.class, "printStackTrace")
                .check(CLASSES);
    }

    @Test
    void nobodyDeserialisesObjects() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .areAssignableTo(ObjectInputStream.class)
                .check(CLASSES);
    }

    @Test
    void nothingStaticCanChange() {
        DescribedPredicate<JavaField> writtenByPeople = DescribedPredicate.describe(
                "are not synthetic", field -> !field.getModifiers().contains(JavaModifier.SYNTHETIC));
        fields().that().areStatic().and(writtenByPeople).should().beFinal().check(CLASSES);
    }

    /** The compiler takes a pattern that matches nothing without a word, so a renamed method would lose its option. */
    @Test
    void theCompilersOptionsNameMethodsThatExist() throws IOException {
        String conf = Files.readString(Path.of("conf", "spark-defaults.conf"));
        List<String> methods = CLASSES.stream()
                .flatMap(c -> c.getMethods().stream())
                .map(method -> method.getOwner().getName() + "::" + method.getName())
                .toList();
        List<MatchResult> patterns = COMPILED_METHODS.matcher(conf).results().toList();
        assertThat(patterns).hasSizeGreaterThan(4);
        assertThat(patterns).allSatisfy(found -> {
            String regex = found.group().replace(".", "\\.").replace("$", "\\$").replace("*", ".*");
            assertThat(methods).anyMatch(method -> method.matches(regex));
        });
    }
}
