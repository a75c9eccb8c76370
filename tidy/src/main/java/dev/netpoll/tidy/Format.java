// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import com.palantir.javaformat.java.Formatter;
import com.palantir.javaformat.java.FormatterException;
import com.palantir.javaformat.java.JavaFormatterOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Formats every Java file of the repository: palantir-java-format, 4 spaces, 120 columns.
 *
 * <p>The formatter calls javac's parser, so the JVM needs the exports that the module's pom lists.
 */
public final class Format {
    private final Formatter formatter = Formatter.createFormatter(JavaFormatterOptions.builder()
            .style(JavaFormatterOptions.Style.PALANTIR)
            .formatJavadoc(false)
            .build());

    /** Rewrites what differs, below the root named by the only argument, and prints its path. */
    public static void main(String[] args) throws IOException {
        Path root = Path.of(args[0]);
        Format format = new Format();
        for (SourceFile file : format.findUnformatted(SourceFile.findAll(root))) {
            Files.writeString(root.resolve(file.path()), format.apply(file).orElseThrow());
            System.out.println(file.path());
        }
    }

    /** The files that formatting would change; those that do not parse are left to javac, which explains it better. */
    List<SourceFile> findUnformatted(List<SourceFile> files) {
        return files.parallelStream()
                .filter(file ->
                        apply(file).filter(text -> !text.equals(file.text())).isPresent())
                .toList();
    }

    private Optional<String> apply(SourceFile file) {
        try {
            return Optional.of(formatter.formatSourceAndFixImports(file.text()));
        } catch (FormatterException syntaxError) {
            return Optional.empty();
        } catch (RuntimeException | Error failure) {
            throw new UncheckedIOException(new IOException("cannot format " + file.path(), failure));
        }
    }
}
