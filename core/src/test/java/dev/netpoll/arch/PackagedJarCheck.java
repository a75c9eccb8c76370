// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.arch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A user needs our jar and nothing else: compiles a program against the packaged jar alone, and runs it. Runs when the
 * jar is there, after the tests.
 */
class PackagedJarCheck {
    private static final Path SOURCES = Path.of("src", "test", "consumer");
    private static final long SECONDS_MAX = 30;

    private final String jar =
            Path.of(System.getProperty("netpoll.jar")).toAbsolutePath().toString();

    @TempDir
    private Path directory;

    @Test
    void aProgramOnTheClassPathCompilesAndRuns() throws Exception {
        compile(List.of("--class-path", jar), List.of(SOURCES.resolve("consumer/Main.java")));
        run("--enable-native-access=ALL-UNNAMED", "--class-path", jar + ":" + directory, "consumer.Main");
    }

    @Test
    void aModuleCompilesAndRuns() throws Exception {
        compileModule();
        run(
                "--enable-native-access=dev.netpoll",
                "--module-path",
                jar + ":" + directory,
                "-m",
                "consumer/consumer.Main");
    }

    @Test
    void aModuleRunsWhereThereIsNothingButJavaBase() throws Exception {
        compileModule();
        run(
                "--limit-modules",
                "consumer",
                "--enable-native-access=dev.netpoll",
                "--module-path",
                jar + ":" + directory,
                "-m",
                "consumer/consumer.Main");
    }

    private void compileModule() throws Exception {
        try (Stream<Path> files = Files.walk(SOURCES)) {
            compile(
                    List.of("--module-path", jar),
                    files.filter(file -> file.toString().endsWith(".java")).toList());
        }
    }

    /** With all warnings as errors, as strict users have it. */
    private void compile(List<String> path, List<Path> sources) throws Exception {
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        List<String> options = new ArrayList<>(List.of("-Xlint:all", "-Werror", "-proc:none"));
        options.addAll(List.of("-d", directory.toString()));
        options.addAll(path);
        StringWriter messages = new StringWriter();
        try (StandardJavaFileManager files = javac.getStandardFileManager(null, null, UTF_8)) {
            boolean compiled = javac.getTask(
                            messages, files, null, options, null, files.getJavaFileObjectsFromPaths(sources))
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
        assertThat(Files.readString(out)).contains("hello of a session true true");
        assertThat(program.exitValue()).isZero();
    }
}
