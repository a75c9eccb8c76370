// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.arch;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
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

    @Test
    void exportsOnlyTheApiAndToEverybody() {
        assertThat(descriptor.exports()).allMatch(exports -> !exports.isQualified());
        assertThat(descriptor.exports().stream()
                        .map(ModuleDescriptor.Exports::source)
                        .collect(toSet()))
                .isSubsetOf(Set.of("dev.netpoll", "dev.netpoll.buffer", "dev.netpoll.rpc"))
                .contains("dev.netpoll", "dev.netpoll.buffer");
    }

    @Test
    void opensNothing() {
        assertThat(descriptor.isOpen()).isFalse();
        assertThat(descriptor.opens()).isEmpty();
    }
}
