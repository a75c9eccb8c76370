// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** All rules over all modules. Each rule says in its message what to do instead. */
final class Tidy {
    private Tidy() {}

    /** Every finding below the repository's root; none means tidy. */
    static List<Finding> check(Path root) throws IOException {
        List<SourceFile> files = SourceFile.findAll(root);
        List<Finding> findings = new ArrayList<>();
        files.forEach(file -> findings.addAll(TextRules.check(file)));
        findings.addAll(TreeRules.check(files));
        findings.addAll(PackageRules.check(files));
        Path longFiles = root.resolve(LongFiles.LIST);
        findings.addAll(LongFiles.parse(Files.readString(longFiles)).check(files));
        return findings;
    }
}
