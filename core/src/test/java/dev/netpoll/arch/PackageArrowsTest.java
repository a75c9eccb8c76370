// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.arch;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.netpoll.DetachedSocket;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The only arrows between the packages of core. The classes of the root package are the contract, which uses nothing
 * internal but the base, except for the doors: each has one arrow, to what is behind it.
 */
class PackageArrowsTest {
    private static final String ROOT = "dev.netpoll";
    private static final String INTERNAL = ROOT + ".internal.";
    private static final String BASE = INTERNAL + "base";
    private static final String BUFFER = ROOT + ".buffer";
    private static final String CONNECTION = INTERNAL + "connection";
    private static final String ENDPOINT = INTERNAL + "endpoint";
    private static final String FFI = INTERNAL + "ffi";
    private static final String FIGURES = ROOT + ".memory";
    private static final String LOOP = INTERNAL + "loop";
    private static final String MEMORY = INTERNAL + "memory";
    private static final String POLL = INTERNAL + "poll";
    private static final String POSIX = POLL + ".posix";
    private static final String TRANSPORT = INTERNAL + "transport";

    private static final JavaClasses CORE = new ClassFileImporter().importPath(Path.of("target", "classes"));

    /** A package and everything it may use besides itself and the JDK. */
    private record Arrow(String from, List<String> to) {}

    private static final List<Arrow> ARROWS = List.of(
            arrow(ROOT, BUFFER, BASE), // the contract; the doors below
            arrow(BUFFER, MEMORY, FIGURES, BASE),
            arrow(FIGURES),
            arrow(
                    ENDPOINT,
                    ROOT,
                    BUFFER,
                    FIGURES,
                    CONNECTION,
                    LOOP,
                    POLL,
                    POLL + ".epoll",
                    POLL + ".nio",
                    POLL + ".uring",
                    TRANSPORT,
                    MEMORY,
                    BASE),
            arrow(CONNECTION, ROOT, BUFFER, FIGURES, LOOP, POLL, TRANSPORT, MEMORY, BASE),
            arrow(LOOP, POLL, TRANSPORT, MEMORY, BASE),
            arrow(POLL, ROOT, TRANSPORT, MEMORY, FIGURES), // the root for the name of a backend alone
            arrow(POLL + ".epoll", POLL, POSIX, TRANSPORT, FFI, MEMORY, FIGURES, BASE),
            arrow(POLL + ".uring", POLL, POSIX, TRANSPORT, FFI, MEMORY, FIGURES, BASE),
            arrow(POSIX, POLL, TRANSPORT, FFI, MEMORY, BASE),
            arrow(POLL + ".nio", POLL, TRANSPORT, MEMORY, FIGURES, BASE),
            arrow(TRANSPORT, MEMORY, BASE),
            arrow(FFI, BASE),
            arrow(MEMORY, FIGURES, BASE),
            arrow(BASE));

    /** The classes of the root package with arrows into the library. */
    private static final Map<Class<?>, List<String>> DOORS = Map.of(
            Server.class, List.of(ENDPOINT),
            Dialer.class, List.of(ENDPOINT),
            EventLoopGroup.class, List.of(ENDPOINT, FIGURES),
            DetachedSocket.class, List.of(POSIX));

    @TestFactory
    Stream<DynamicTest> usesOnlyWhatItsArrowsAllow() {
        return ARROWS.stream().map(arrow -> DynamicTest.dynamicTest(arrow.from(), () -> check(arrow)));
    }

    private static void check(Arrow arrow) {
        noClasses()
                .that(resideInAPackage(arrow.from()).and(not(isDoor())))
                .should()
                .dependOnClassesThat(not(allowed(arrow)))
                .check(CORE);
    }

    @TestFactory
    Stream<DynamicTest> aDoorLeadsToWhatIsBehindItAlone() {
        Arrow contract = ARROWS.get(0);
        return DOORS.entrySet().stream()
                .map(door -> DynamicTest.dynamicTest(door.getKey().getSimpleName(), () -> {
                    List<String> to = new ArrayList<>(contract.to());
                    to.addAll(door.getValue());
                    noClasses()
                            .that(belongTo(door.getKey()))
                            .should()
                            .dependOnClassesThat(not(allowed(new Arrow(ROOT, to))))
                            .check(CORE);
                }));
    }

    @Test
    void nobodyInsideKnowsTheDoors() {
        noClasses()
                .that(resideInAPackage(INTERNAL + "."))
                .should()
                .dependOnClassesThat(isDoor().and(not(belongTo(DetachedSocket.class)))) // a value that is handed out
                .check(CORE);
    }

    @Test
    void theArrowsNameThePackagesThatThereAre() {
        Set<String> there = CORE.stream()
                .map(JavaClass::getPackageName)
                .filter(name -> !name.isEmpty())
                .collect(Collectors.toSet());
        assertThat(ARROWS).extracting(Arrow::from).containsExactlyInAnyOrderElementsOf(there);
    }

    @Test
    void everyArrowIsUsed() {
        Map<String, Set<String>> used = new HashMap<>();
        for (JavaClass from : CORE) {
            for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
                used.computeIfAbsent(room(from), _ -> new TreeSet<>())
                        .add(room(dependency.getTargetClass().getBaseComponentType()));
            }
        }
        List<String> unused = new ArrayList<>();
        for (Arrow arrow : ARROWS) {
            for (String to : arrow.to()) {
                if (!used.get(arrow.from()).contains(to)) {
                    unused.add(arrow.from() + " -> " + to);
                }
            }
        }
        assertThat(unused).isEmpty();
    }

    /** Takes away the rooms that lead nowhere any more, until none is left; what stays is a cycle. */
    @Test
    void noArrowLeadsBack() {
        Map<String, Set<String>> arrows = new HashMap<>();
        ARROWS.forEach(arrow -> arrows.put(arrow.from(), new TreeSet<>(arrow.to())));
        while (arrows.entrySet().removeIf(room -> room.getValue().isEmpty())) {
            arrows.values().forEach(to -> to.retainAll(arrows.keySet()));
        }
        assertThat(arrows).isEmpty();
    }

    private static String room(JavaClass type) {
        return isDoor().test(type) ? "doors" : type.getPackageName();
    }

    // Primitives and arrays of them live in no package.
    private static DescribedPredicate<JavaClass> allowed(Arrow arrow) {
        List<String> packages = new ArrayList<>(arrow.to());
        packages.addAll(List.of(arrow.from(), "java..", "jdk.jfr..", "org.jspecify..", ""));
        return resideInAnyPackage(packages.toArray(String[]::new));
    }

    private static DescribedPredicate<JavaClass> isDoor() {
        return DescribedPredicate.describe(
                "be a door", type -> DOORS.keySet().stream().anyMatch(door -> belongsTo(type, door)));
    }

    private static DescribedPredicate<JavaClass> belongTo(Class<?> door) {
        return DescribedPredicate.describe("belong to " + door.getSimpleName(), type -> belongsTo(type, door));
    }

    private static boolean belongsTo(JavaClass type, Class<?> door) {
        return type.getName().equals(door.getName()) || type.getName().startsWith(door.getName() + "$");
    }

    private static Arrow arrow(String from, String... to) {
        return new Arrow(from, List.of(to));
    }
}
