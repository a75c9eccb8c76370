// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.arch;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The module descriptor is API: what users can see, and what they must have. */
class ModuleDescriptorTest {
    private final ModuleDescriptor descriptor = ModuleFinder.of(Path.of("target", "classes"))
            .find("dev.netpoll")
            .orElseThrow()
            .descriptor();

    @Test
    void needsOnlyJavaBaseAtRunTime() {
        assertThat(descriptor.requires().stream()
                        .filter(r -> !r.modifiers().contains(Requires.Modifier.STATIC))
                        .map(Requires::name))
                .containsExactly("java.base");
    }

    @Test
    void compilesAgainstAnnotationsAndFlightRecorderOnly() {
        assertThat(descriptor.requires().stream()
                        .filter(r -> r.modifiers().contains(Requires.Modifier.STATIC))
                        .map(Requires::name))
                .isSubsetOf("org.jspecify", "jdk.jfr");
    }

    /** Who requires something transitively that is static makes every user have it to compile. */
    @Test
    void asksNothingOfWhoRequiresIt() {
        assertThat(descriptor.requires()).noneMatch(r -> r.modifiers().contains(Requires.Modifier.TRANSITIVE));
    }

    /** What javac would look for with -Xlint:exports, were annotations not among it. */
    @Test
    void showsNoTypeThatUsersCannotName() {
        Set<String> exported = exportsToEverybody();
        DescribedPredicate<JavaClass> nameable = DescribedPredicate.describe("nameable", type -> {
            JavaClass base = type.getBaseComponentType();
            String packageName = base.getPackageName();
            boolean ours = exported.contains(packageName) && isVisible(base);
            return ours || base.isPrimitive() || packageName.startsWith("java.");
        });
        List<String> hidden = new ArrayList<>();
        for (JavaClass type : new ClassFileImporter().importPath(Path.of("target", "classes"))) {
            if (exported.contains(type.getPackageName()) && isVisible(type)) {
                type.getCodeUnits().stream()
                        .filter(unit -> isVisible(unit.getModifiers()))
                        .filter(unit -> !unit.getAllInvolvedRawTypes().stream().allMatch(nameable))
                        .forEach(unit -> hidden.add(unit.getFullName()));
                type.getFields().stream()
                        .filter(field -> isVisible(field.getModifiers()))
                        .filter(field -> !nameable.test(field.getRawType()))
                        .forEach(field -> hidden.add(field.getFullName()));
            }
        }
        assertThat(hidden).isEmpty();
    }

    private static boolean isVisible(JavaClass type) {
        return isVisible(type.getModifiers())
                && type.getEnclosingClass().map(ModuleDescriptorTest::isVisible).orElse(true);
    }

    private static boolean isVisible(Set<JavaModifier> modifiers) {
        return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
    }

    @Test
    void exportsOnlyTheApiToEverybody() {
        assertThat(exportsToEverybody())
                .isSubsetOf(Set.of("dev.netpoll", "dev.netpoll.buffer", "dev.netpoll.memory", "dev.netpoll.rpc"))
                .contains("dev.netpoll", "dev.netpoll.buffer", "dev.netpoll.memory");
    }

    private Set<String> exportsToEverybody() {
        return descriptor.exports().stream()
                .filter(exports -> !exports.isQualified())
                .map(ModuleDescriptor.Exports::source)
                .collect(toSet());
    }

    /** The seam, for modules of this repository that implement transports. */
    @Test
    void exportsTheSeamToOurOwnModulesOnly() {
        assertThat(descriptor.exports().stream().filter(ModuleDescriptor.Exports::isQualified))
                .allSatisfy(exports -> assertThat(exports.targets()).isSubsetOf("dev.netpoll.testkit"))
                .extracting(ModuleDescriptor.Exports::source)
                .isSubsetOf(
                        "dev.netpoll.internal.memory", "dev.netpoll.internal.poll", "dev.netpoll.internal.transport");
    }

    @Test
    void opensNothing() {
        assertThat(descriptor.isOpen()).isFalse();
        assertThat(descriptor.opens()).isEmpty();
    }
}
