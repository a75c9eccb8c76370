// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The guide shows code that runs: each of its snippets is a region of {@link UpperCaseTest}. */
class GuideTest {
    private static final Pattern SNIPPET = Pattern.compile("(?s)```java\n(.*?)```");
    private static final Pattern REGION = Pattern.compile("(?s)// @start region=[^\n]*\n(.*?)\n *// @end");

    @Test
    void everySnippetIsARegionOfATest() throws Exception {
        Path root = Path.of(System.getProperty("netpoll.root"));
        List<String> snippets = SNIPPET.matcher(Files.readString(root.resolve("docs/TESTKIT.md")))
                .results()
                .map(found -> found.group(1).strip())
                .toList();
        String source = Files.readString(root.resolve("testkit/src/test/java/dev/netpoll/testkit/UpperCaseTest.java"));
        List<String> regions = REGION.matcher(source)
                .results()
                .map(found -> found.group(1).stripIndent().strip())
                .toList();
        assertThat(snippets)
                .hasSizeGreaterThanOrEqualTo(5)
                .allSatisfy(snippet -> assertThat(regions).contains(snippet));
    }
}
