// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Every package says what it is for. Packages of tests need not: they mirror those of the code. */
final class PackageRules {
    private static final String DESCRIPTION = "package-info.java";

    private PackageRules() {}

    static List<Finding> check(List<SourceFile> files) {
        Set<String> paths = files.stream().map(SourceFile::path).collect(Collectors.toSet());
        return files.stream()
                .filter(file -> file.isIn("main") && !file.path().endsWith("/module-info.java"))
                .map(PackageRules::directory)
                .distinct()
                .filter(directory -> !paths.contains(directory + DESCRIPTION))
                .map(directory ->
                        new Finding(directory + DESCRIPTION, 1, "missing; say in one sentence what the package is for"))
                .toList();
    }

    private static String directory(SourceFile file) {
        return file.path().substring(0, file.path().lastIndexOf('/') + 1);
    }
}
