// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The launcher's main class in a JVM of its own, because signals and exit statuses belong to a process. */
final class Program implements AutoCloseable {
    private static final long SECONDS_MAX = 30;

    private final Process process;
    private final BufferedReader out;
    private final Path err;

    private Program(Process process, Path err) {
        this.process = process;
        this.out = process.inputReader(UTF_8);
        this.err = err;
    }

    static Program start(Path directory, String... arguments) throws IOException {
        return start(directory, List.of("--enable-native-access=ALL-UNNAMED"), arguments);
    }

    static Program start(Path directory, List<String> options, String... arguments) throws IOException {
        return start(directory, Main.class, options, arguments);
    }

    static Program start(Path directory, Class<?> main, List<String> options, String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Xmx256m");
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(Arrays.asList(arguments));
        Path err = Files.createTempFile(directory, "err", ".txt");
        return new Program(
                new ProcessBuilder(command)
                        .redirectError(Redirect.to(err.toFile()))
                        .start(),
                err);
    }

    /** Waits for the next line on standard output. */
    String nextLine() throws IOException {
        String line = out.readLine();
        if (line == null) {
            throw new IOException("the program ended: " + err());
        }
        return line;
    }

    /** {@return all that is left of standard output} Waits for the end. */
    String rest() {
        return String.join("\n", out.lines().toList());
    }

    String err() {
        try {
            return Files.readString(err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sends SIGTERM. Not through the process itself, which would close its output too. */
    void terminate() {
        process.toHandle().destroy();
    }

    int exitStatus() throws InterruptedException {
        if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
            throw new AssertionError("the program still runs: " + err());
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
