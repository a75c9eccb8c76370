// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires;
import java.lang.module.ModuleFinder;
import java.lang.reflect.Executable;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What users of the testkit can see, and what they must have. */
class ModuleDescriptorTest {
    private static final Path CLASSES = Path.of("target", "classes");
    private static final Set<String> NAMEABLE =
            Set.of("dev.netpoll", "dev.netpoll.buffer", "dev.netpoll.memory", "dev.netpoll.testkit");

    private final ModuleDescriptor descriptor =
            ModuleFinder.of(CLASSES).find("dev.netpoll.testkit").orElseThrow().descriptor();

    /** No test framework, so that it works with each. */
    @Test
    void needsTheLibraryAlone() {
        assertThat(descriptor.requires().stream()
                        .filter(r -> !r.modifiers().contains(Requires.Modifier.STATIC))
                        .map(Requires::name))
                .containsExactlyInAnyOrder("java.base", "dev.netpoll");
        assertThat(descriptor.requires().stream()
                        .filter(r -> r.modifiers().contains(Requires.Modifier.TRANSITIVE))
                        .map(Requires::name))
                .containsExactly("dev.netpoll");
    }

    @Test
    void exportsOnePackageAndOpensNothing() {
        assertThat(descriptor.exports())
                .singleElement()
                .satisfies(exports -> assertThat(exports.isQualified()).isFalse())
                .extracting(ModuleDescriptor.Exports::source)
                .isEqualTo("dev.netpoll.testkit");
        assertThat(descriptor.isOpen()).isFalse();
        assertThat(descriptor.opens()).isEmpty();
    }

    @Test
    void showsNoTypeThatUsersCannotName() throws Exception {
        List<String> hidden = new ArrayList<>();
        for (Class<?> type : publicTypes()) {
            Stream.of(type.getMethods(), type.getConstructors())
                    .flatMap(Arrays::stream)
                    .map(Executable.class::cast)
                    .filter(member -> member.getDeclaringClass() == type)
                    .filter(member -> !namesOnlyWhatUsersCan(member))
                    .forEach(member -> hidden.add(member.toString()));
        }
        assertThat(hidden).isEmpty();
    }

    private static List<Class<?>> publicTypes() throws Exception {
        List<Class<?>> types = new ArrayList<>();
        try (Stream<Path> files = Files.list(CLASSES.resolve("dev/netpoll/testkit"))) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".class") && !name.startsWith("package-info")) {
                    Class<?> type = Class.forName("dev.netpoll.testkit." + name.replace(".class", ""));
                    if (Modifier.isPublic(type.getModifiers())) {
                        types.add(type);
                    }
                }
            }
        }
        assertThat(types).hasSizeGreaterThan(5);
        return types;
    }

    private static boolean namesOnlyWhatUsersCan(Executable member) {
        return Stream.concat(
                        Arrays.stream(member.getParameterTypes()),
                        Stream.of(
                                member instanceof java.lang.reflect.Method method
                                        ? method.getReturnType()
                                        : void.class))
                .map(type -> type.isArray() ? type.componentType() : type)
                .allMatch(type -> type.isPrimitive()
                        || type.getPackageName().startsWith("java.")
                        || NAMEABLE.contains(type.getPackageName()));
    }
}
