// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.arch;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.netpoll.buffer.MemoryLimitException;
import dev.netpoll.buffer.MemoryStats;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The only arrows between the packages of core: from the API down to queues and system calls. */
class PackageArrowsTest {
    private static final String ROOT = "dev.netpoll";
    private static final String INTERNAL = ROOT + ".internal.";

    private static final JavaClasses CORE = new ClassFileImporter().importPath(Path.of("target", "classes"));

    /** A package and everything it may use besides itself and the JDK. */
    private record Arrow(String from, List<String> to) {}

    private static final List<Arrow> ARROWS = List.of(
            arrow(ROOT, ROOT + ".buffer", INTERNAL + "."),
            arrow(ROOT + ".rpc", ROOT, ROOT + ".buffer"),
            arrow(ROOT + ".buffer", INTERNAL + "memory"),
            arrow(
                    INTERNAL + "connection",
                    ROOT,
                    ROOT + ".buffer",
                    INTERNAL + "loop",
                    INTERNAL + "poll",
                    INTERNAL + "memory"),
            arrow(INTERNAL + "loop", INTERNAL + "poll", INTERNAL + "memory", INTERNAL + "queue"),
            arrow(INTERNAL + "poll", INTERNAL + "memory"),
            arrow(
                    INTERNAL + "poll.epoll",
                    INTERNAL + "poll",
                    INTERNAL + "poll.socket",
                    INTERNAL + "ffi",
                    INTERNAL + "memory"),
            arrow(
                    INTERNAL + "poll.uring",
                    INTERNAL + "poll",
                    INTERNAL + "poll.socket",
                    INTERNAL + "ffi",
                    INTERNAL + "memory"),
            arrow(INTERNAL + "poll.socket", INTERNAL + "poll", INTERNAL + "ffi", INTERNAL + "memory"),
            arrow(INTERNAL + "poll.nio", INTERNAL + "poll", INTERNAL + "memory"),
            arrow(INTERNAL + "poll.memory", INTERNAL + "poll", INTERNAL + "memory"),
            arrow(INTERNAL + "ffi"),
            arrow(INTERNAL + "memory", INTERNAL + "queue"),
            arrow(INTERNAL + "queue"),
            arrow(INTERNAL + "base"));

    @TestFactory
    Stream<DynamicTest> usesOnlyWhatItsArrowsAllow() {
        return ARROWS.stream().map(arrow -> DynamicTest.dynamicTest(arrow.from(), () -> check(arrow)));
    }

    @Test
    void everyPackageHasArrows() {
        String[] known = ARROWS.stream().map(Arrow::from).toArray(String[]::new);
        classes()
                .should()
                .resideInAnyPackage(known)
                .because("a new package is added to this list with the arrows it needs")
                .check(CORE);
    }

    private static void check(Arrow arrow) {
        List<String> allowed = new ArrayList<>(arrow.to());
        allowed.add(arrow.from());
        allowed.add(INTERNAL + "base");
        allowed.add("java..");
        allowed.add("jdk.jfr..");
        allowed.add("org.jspecify..");
        DescribedPredicate<JavaClass> target = resideInAnyPackage(allowed.toArray(String[]::new));
        if (arrow.from().equals(INTERNAL + "loop")) {
            target = target.or(exceptionOfTheApi());
        }
        if (arrow.from().equals(INTERNAL + "memory") || arrow.from().startsWith(INTERNAL + "poll")) {
            target = target.or(whatUsersSeeOfThePool());
        }
        // Primitives and arrays of them live in no package.
        noClasses()
                .that()
                .resideInAPackage(arrow.from())
                .should()
                .dependOnClassesThat(not(target).and(not(resideInAPackage(""))))
                .allowEmptyShould(true)
                .check(CORE);
    }

    /** The loop fails tasks with the exceptions users see; the layers below report an errno. */
    private static DescribedPredicate<JavaClass> exceptionOfTheApi() {
        return resideInAPackage(ROOT).and(assignableTo(Throwable.class));
    }

    /** The pool below tells of its limit and state in types of the API. */
    private static DescribedPredicate<JavaClass> whatUsersSeeOfThePool() {
        return equivalentTo(MemoryLimitException.class).or(equivalentTo(MemoryStats.class));
    }

    private static Arrow arrow(String from, String... to) {
        return new Arrow(from, List.of(to));
    }
}
