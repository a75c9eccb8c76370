// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors
package dev.netpoll.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What docs/TESTING.md says about tests: they exist, and nothing is left out. */
class TestingDocumentTest {
    private static final Path ROOT = Path.of(System.getProperty("netpoll.root"));
    private static final Pattern REFERENCE = Pattern.compile("\\b([A-Z]\\w*Test)#(\\w+)");
    private static final int GO_TESTS = 95;
    private static final int PITFALLS = 22;
    private static final List<String> NETTEST = List.of(
            "BasicIO",
            "PingPong",
            "RacyRead",
            "RacyWrite",
            "ReadTimeout",
            "WriteTimeout",
            "PastTimeout",
            "PresentTimeout",
            "FutureTimeout",
            "CloseTimeout",
            "ConcurrentMethods");

    private final String document = read(ROOT.resolve("docs/TESTING.md"));

    @Test
    void everyTestItNamesExists() throws IOException {
        Map<String, String> sources = new HashMap<>();
        for (String module : List.of("conformance", "core", "testkit")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/test/java"))) {
                files.filter(file -> file.toString().endsWith("Test.java"))
                        .forEach(file ->
                                sources.put(file.getFileName().toString().replace(".java", ""), read(file)));
            }
        }
        List<String> missing = new ArrayList<>();
        List<MatchResult> references = REFERENCE.matcher(document).results().toList();
        for (MatchResult reference : references) {
            String source = sources.getOrDefault(reference.group(1), "");
            if (!Pattern.compile("\\bvoid " + reference.group(2) + "\\(")
                    .matcher(source)
                    .find()) {
                missing.add(reference.group());
            }
        }
        assertThat(missing).isEmpty();
        assertThat(references).hasSizeGreaterThan(GO_TESTS);
    }

    @Test
    void itSpeaksOfEveryItemOnce() {
        List<String> rows =
                document.lines().filter(line -> line.startsWith("| ")).toList();
        IntStream.rangeClosed(1, GO_TESTS)
                .forEach(number -> assertThat(startingWith(rows, "| " + number + " |"))
                        .as("Go test %d", number)
                        .isOne());
        IntStream.rangeClosed(1, PITFALLS)
                .forEach(number -> assertThat(startingWith(rows, "| 5.4." + number + " |"))
                        .as("pitfall %d", number)
                        .isOne());
        NETTEST.forEach(name ->
                assertThat(startingWith(rows, "| " + name + " |")).as(name).isOne());
    }

    private static long startingWith(List<String> rows, String prefix) {
        return rows.stream().filter(row -> row.startsWith(prefix)).count();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException failure) {
            throw new AssertionError("cannot read " + file, failure);
        }
    }
}
