// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.tidy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** One Java file: its path from the repository's root with forward slashes, and its text. */
record SourceFile(String path, String text) {
    private static final List<String> NOT_SOURCES = List.of("target", ".git");

    /** The lines, without their ends. */
    List<String> lines() {
        return List.of(text.split("\n", -1));
    }

    /** How many lines an editor shows: the text after the last line end counts only if there is some. */
    int lineCount() {
        return (int) text.lines().count();
    }

    /** {@code main} or {@code test}, or whatever else follows {@code src} in the path. */
    boolean isIn(String sourceSet) {
        return path.contains("src/" + sourceSet + "/");
    }

    /** All Java files of all modules, ordered by path. */
    static List<SourceFile> findAll(Path root) throws IOException {
        List<SourceFile> found = new ArrayList<>();
        try (Stream<Path> children = Files.list(root)) {
            for (Path module : (Iterable<Path>) children.sorted()::iterator) {
                if (Files.isDirectory(module)
                        && !NOT_SOURCES.contains(module.getFileName().toString())) {
                    collect(root, module.resolve("src"), found);
                }
            }
        }
        found.sort(Comparator.comparing(SourceFile::path));
        return found;
    }

    private static void collect(Path root, Path sources, List<SourceFile> found) throws IOException {
        if (!Files.isDirectory(sources)) {
            return;
        }
        try (Stream<Path> files = Files.walk(sources)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (file.toString().endsWith(".java")) {
                    String path = root.relativize(file).toString().replace('\\', '/');
                    found.add(new SourceFile(path, Files.readString(file)));
                }
            }
        }
    }
}
