// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.opentest4j.TestAbortedException;

/** A peer's server in a process of its own. */
final class ServerProcess implements AutoCloseable {
    private static final long END_SECONDS_MAX = 20;
    private static final int UNAVAILABLE = 2;
    private static final String LISTENING = "LISTENING ";

    private final Process process;
    private final BufferedReader out;
    private final BufferedWriter in;
    private final int port;

    private ServerProcess(Process process, Path errors) throws IOException, InterruptedException {
        this.process = process;
        out = process.inputReader(UTF_8);
        in = process.outputWriter(UTF_8);
        String line = out.readLine();
        if (line == null || !line.startsWith(LISTENING)) {
            String message = "it said '" + line + "', and: " + Files.readString(errors);
            if (exitStatus() == UNAVAILABLE) {
                throw new TestAbortedException(message);
            }
            throw new AssertionError(message);
        }
        port = Integer.parseInt(line.substring(LISTENING.length()));
    }

    /**
     * Waits until it listens.
     *
     * @throws TestAbortedException if the peer cannot be had here
     */
    static ServerProcess start(Peer peer, Path directory) throws IOException, InterruptedException {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        List<String> command;
        try {
            command = ServerPeers.command(peer, java, System.getProperty("java.class.path"), directory);
        } catch (UnsupportedOperationException e) {
            throw new TestAbortedException(e.getMessage(), e);
        }
        Path errors = directory.resolve("errors.txt");
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(Redirect.to(errors.toFile()));
        builder.environment().put("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1"); // it starts faster
        return new ServerProcess(builder.start(), errors);
    }

    int port() {
        return port;
    }

    /** {@return the answer to a command} */
    String ask(String command) throws IOException {
        in.write(command);
        in.newLine();
        in.flush();
        return out.readLine();
    }

    /** Ends its standard input, and waits for its end. */
    int endInput() throws IOException, InterruptedException {
        in.close();
        return exitStatus();
    }

    private int exitStatus() throws InterruptedException {
        if (!process.waitFor(END_SECONDS_MAX, TimeUnit.SECONDS)) {
            throw new AssertionError("the server still runs");
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
