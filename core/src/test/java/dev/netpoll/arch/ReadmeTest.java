// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.arch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows compiles. */
class ReadmeTest {
    private static final Pattern SNIPPET = Pattern.compile("(?s)```java\n(.*?)```");
    private static final String IMPORTS = """
        import dev.netpoll.*;
        import dev.netpoll.buffer.*;
        import java.net.*;
        import java.time.*;
        """;

    @TempDir
    private Path directory;

    @Test
    void everySnippetCompiles() throws Exception {
        String readme = Files.readString(Path.of(System.getProperty("netpoll.root"), "README.md"));
        List<String> snippets =
                SNIPPET.matcher(readme).results().map(found -> found.group(1)).toList();
        assertThat(snippets).hasSizeGreaterThanOrEqualTo(2);
        for (int i = 0; i < snippets.size(); i++) {
            String name = "Snippet" + i;
            Path source = directory.resolve(name + ".java");
            String head = "final class " + name + " {\n    static void run() throws Exception {\n";
            Files.writeString(source, IMPORTS + head + snippets.get(i) + "    }\n}\n");
            assertThat(messagesOf(source)).as(snippets.get(i)).isEmpty();
        }
    }

    private String messagesOf(Path source) throws Exception {
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        List<String> options =
                List.of("-proc:none", "-d", directory.toString(), "-cp", System.getProperty("java.class.path"));
        StringWriter messages = new StringWriter();
        try (StandardJavaFileManager files = javac.getStandardFileManager(null, null, UTF_8)) {
            javac.getTask(messages, files, null, options, null, files.getJavaFileObjects(source))
                    .call();
        }
        return messages.toString();
    }
}
