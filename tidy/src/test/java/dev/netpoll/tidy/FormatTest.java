// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class FormatTest {
    private final Format format = new Format();

    @Test
    @Timeout(300) // the formatter needs half a minute of a processor, which others may use too
    void everyFileIsFormatted() throws IOException {
        List<SourceFile> files = SourceFile.findAll(Path.of(System.getProperty("netpoll.root")));
        assertThat(files).isNotEmpty();
        assertThat(format.findUnformatted(files))
                .extracting(SourceFile::path)
                .as("files to format; run scripts/format")
                .isEmpty();
    }

    @Test
    void findsAFileThatIsNot() {
        SourceFile file = new SourceFile("core/src/main/java/A.java", "class A{int a ;}\n");
        assertThat(format.findUnformatted(List.of(file))).containsExactly(file);
    }

    @Test
    void leavesAFileThatDoesNotParseToJavac() {
        assertThat(format.findUnformatted(List.of(new SourceFile("A.java", "class {"))))
                .isEmpty();
    }
}
