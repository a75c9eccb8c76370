// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The floor: an echo server in C, compiled where it is to run. It takes {@code --port} and {@code --max-payload}. */
public final class FloorServer {
    /** The name of the peer, and of the program. */
    public static final String NAME = "c-epoll";

    private static final String SOURCE = NAME + ".c";
    private static final int COMPILE_SECONDS_MAX = 60;

    private FloorServer() {}

    /**
     * Compiles the program with {@code cc -O2}.
     *
     * @param directory where to put it
     * @return the program
     * @throws UnsupportedOperationException if there is no C compiler, or it does not compile this
     */
    public static Path compile(Path directory) throws IOException, InterruptedException {
        Path source = directory.resolve(SOURCE);
        Path program = directory.resolve(NAME);
        try (InputStream resource = FloorServer.class.getResourceAsStream(SOURCE)) {
            if (resource == null) {
                throw new AssertionError("the resource is missing: " + SOURCE);
            }
            Files.write(source, resource.readAllBytes());
        }
        Process compiler;
        try {
            compiler = new ProcessBuilder(List.of("cc", "-O2", "-o", program.toString(), source.toString()))
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new UnsupportedOperationException("there is no C compiler: " + e.getMessage(), e);
        }
        String messages;
        try (InputStream output = compiler.getInputStream()) {
            messages = new String(output.readAllBytes(), StandardCharsets.UTF_8);
        }
        if (!compiler.waitFor(COMPILE_SECONDS_MAX, TimeUnit.SECONDS) || compiler.exitValue() != 0) {
            compiler.destroyForcibly();
            throw new UnsupportedOperationException("the C compiler failed: " + messages.strip());
        }
        return program;
    }
}
