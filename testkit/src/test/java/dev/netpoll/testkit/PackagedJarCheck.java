// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.netpoll.Connection;
import java.io.File;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A user needs our two jars and nothing else: compiles a program against the packaged jar and the library, and runs it.
 * Runs when the jar is there, after the tests.
 */
class PackagedJarCheck {
    private static final Path SOURCES = Path.of("src", "test", "consumer");
    private static final long SECONDS_MAX = 30;

    private final String jars = Path.of(System.getProperty("netpoll.jar")).toAbsolutePath()
            + File.pathSeparator
            + Path.of(Connection.class
                            .getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .getPath())
                    .toAbsolutePath();

    @TempDir
    private Path directory;

    @Test
    void aTestOnTheClassPathCompilesAndRuns() throws Exception {
        compile("--class-path", SOURCES.resolve("consumer/Main.java"));
        run("--class-path", jars + File.pathSeparator + directory, "consumer.Main");
    }

    @Test
    void aTestInAModuleCompilesAndRunsWhereThereIsNothingButJavaBase() throws Exception {
        compile("--module-path", SOURCES.resolve("consumer/Main.java"), SOURCES.resolve("module-info.java"));
        run(
                "--limit-modules",
                "consumer",
                "--module-path",
                jars + File.pathSeparator + directory,
                "-m",
                "consumer/consumer.Main");
    }

    /** With all warnings as errors, as strict users have it. */
    private void compile(String kind, Path... sources) throws Exception {
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        List<String> options = List.of("-Xlint:all", "-Werror", "-proc:none", "-d", directory.toString(), kind, jars);
        StringWriter messages = new StringWriter();
        try (StandardJavaFileManager files = javac.getStandardFileManager(null, null, UTF_8)) {
            boolean compiled = javac.getTask(messages, files, null, options, null, files.getJavaFileObjects(sources))
                    .call();
            assertThat(messages.toString()).isEmpty();
            assertThat(compiled).isTrue();
        }
    }

    private void run(String... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(arguments));
        Path out = directory.resolve("out.txt");
        Process program = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        try {
            assertThat(program.waitFor(SECONDS_MAX, TimeUnit.SECONDS))
                    .as("it ends")
                    .isTrue();
        } finally {
            program.destroyForcibly();
        }
        assertThat(Files.readString(out)).contains("hello, then ECONNRESET");
        assertThat(program.exitValue()).isZero();
    }
}
