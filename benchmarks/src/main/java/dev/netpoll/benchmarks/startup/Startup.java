// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.startup;

import dev.netpoll.Backend;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Measures how long servers take from the start of their JVM to the first connection and the first answer, and prints
 * the table of docs/BENCHMARKS.md.
 *
 * <p>Each run starts a process and tries to connect every millisecond from then on. The variants take turns, so that
 * other work on the machine meets all of them.
 */
final class Startup {
    private static final int RUNS = Integer.getInteger("runs", 25);
    private static final int TRAINING_REQUESTS = 2_000;
    private static final long RETRY_NANOS = 1_000_000;
    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final String NATIVE = "--enable-native-access=ALL-UNNAMED";

    /** A server: its main class and argument, what of the class path it needs, and options. */
    private record Candidate(
            String name, Class<?> main, @Nullable Backend backend, List<String> jars, List<String> options) {
        static Candidate ours(Backend backend, String name) {
            return new Candidate(name, NetpollStartup.class, backend, List.of("netpoll-"), List.of(NATIVE));
        }

        /** Not every machine has it. */
        boolean isOptional() {
            return backend == Backend.IO_URING;
        }

        /** {@return the time in milliseconds until the first connection, or 0 for any} */
        int goal(boolean cached) {
            return backend != Backend.EPOLL ? 0 : cached ? 120 : 250;
        }
    }

    /** A server with a cache or without. */
    private static final class Variant {
        final Candidate candidate;
        final boolean cached;
        final List<String> command;
        final List<Double> accepted = new ArrayList<>();
        final List<Double> answered = new ArrayList<>();
        final List<Double> processor = new ArrayList<>();

        Variant(Candidate candidate, Path cache, boolean cached) {
            this.candidate = candidate;
            this.cached = cached;
            this.command = command(candidate, cached ? List.of("-XX:AOTCache=" + cache) : List.of());
        }

        int goal() {
            return candidate.goal(cached);
        }

        boolean meetsTheGoal() {
            return goal() == 0 || median(accepted) <= goal();
        }
    }

    private Startup() {}

    /** No arguments. Ends with status 1 if the goal is missed. */
    public static void main(String[] args) throws Exception {
        Path directory = Files.createTempDirectory("netpoll-startup");
        List<Variant> variants = new ArrayList<>();
        for (Candidate candidate : candidates()) {
            Path cache = directory.resolve(variants.size() + ".aot");
            try {
                train(candidate, cache);
            } catch (IOException e) {
                if (!candidate.isOptional()) {
                    throw e;
                }
                System.err.println(candidate.name + " is left out: " + e.getMessage());
                continue;
            }
            variants.add(new Variant(candidate, cache, false));
            variants.add(new Variant(candidate, cache, true));
        }
        for (int run = -1; run < RUNS; run++) { // the first one finds the files not yet in memory
            for (Variant variant : variants) {
                measure(variant, run >= 0);
            }
        }
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
        print(variants);
        System.exit(variants.stream().allMatch(Variant::meetsTheGoal) ? 0 : 1);
    }

    private static List<Candidate> candidates() {
        return List.of(
                Candidate.ours(Backend.EPOLL, "ours, epoll, adaptive"),
                Candidate.ours(Backend.IO_URING, "ours, io_uring, adaptive"),
                new Candidate(
                        "Netty, epoll",
                        NettyStartup.class,
                        null,
                        List.of("netpoll-benchmarks-", "netty-"),
                        List.of(NATIVE, "--sun-misc-unsafe-memory-access=allow")),
                new Candidate(
                        "`ServerSocket`, virtual threads",
                        SocketStartup.class,
                        null,
                        List.of("netpoll-benchmarks-"),
                        List.of()));
    }

    // ---- measuring

    private static List<String> command(Candidate candidate, List<String> options) {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(jar -> candidate.jars.stream()
                        .anyMatch(Path.of(jar).getFileName().toString()::startsWith))
                .sorted()
                .collect(Collectors.joining(File.pathSeparator));
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(candidate.options);
        command.addAll(options);
        command.addAll(List.of("-cp", classPath, candidate.main.getName()));
        if (candidate.backend != null) {
            command.add(candidate.backend.name());
        }
        return command;
    }

    /** Makes the cache: the JVM writes it when it ends. */
    private static void train(Candidate candidate, Path cache) throws IOException, InterruptedException {
        int port = freePort();
        List<String> command = command(candidate, List.of("-XX:AOTCacheOutput=" + cache, "-Xlog:disable"));
        Process server = start(command, port, ProcessBuilder.Redirect.DISCARD); // it only tells what it is doing
        try (SocketChannel channel = connect(server, port)) {
            for (int i = 0; i < TRAINING_REQUESTS; i++) {
                request(channel);
            }
        }
        end(server);
        if (!Files.exists(cache)) {
            throw new IOException("the JVM has not made " + cache);
        }
    }

    private static void measure(Variant variant, boolean counts) throws IOException, InterruptedException {
        int port = freePort();
        long start = System.nanoTime();
        Process server = start(variant.command, port, ProcessBuilder.Redirect.INHERIT);
        long answered;
        Duration processor;
        try (SocketChannel channel = connect(server, port)) {
            request(channel);
            answered = System.nanoTime();
            processor = server.info().totalCpuDuration().orElse(Duration.ZERO); // in steps of 10 ms
        }
        long accepted = end(server);
        if (counts) {
            variant.accepted.add((accepted - start) / 1e6);
            variant.answered.add((answered - start) / 1e6);
            variant.processor.add((double) processor.toMillis());
        }
    }

    private static Process start(List<String> command, int port, ProcessBuilder.Redirect errors) throws IOException {
        List<String> all = new ArrayList<>(command);
        all.add(Integer.toString(port));
        return new ProcessBuilder(all).redirectError(errors).start();
    }

    /** Ends a server. Returns when it accepted its first connection. */
    private static long end(Process server) throws IOException, InterruptedException {
        server.outputWriter().close();
        try (BufferedReader output = server.inputReader(StandardCharsets.US_ASCII)) {
            String line = output.readLine();
            server.waitFor();
            if (line == null) {
                throw new IOException("the server failed");
            }
            return Long.parseLong(line);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static SocketChannel connect(Process server, int port) throws IOException {
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (true) {
            try {
                return SocketChannel.open(address);
            } catch (IOException e) {
                if (!server.isAlive() || System.nanoTime() - deadline > 0) {
                    throw new IOException("the server does not listen", e);
                }
            }
            LockSupport.parkNanos(RETRY_NANOS);
        }
    }

    private static void request(SocketChannel channel) throws IOException {
        channel.write(ByteBuffer.allocate(Accepted.MESSAGE_BYTES));
        ByteBuffer answer = ByteBuffer.allocate(Accepted.MESSAGE_BYTES);
        while (answer.hasRemaining()) {
            if (channel.read(answer) < 0) {
                throw new IOException("the server closed the connection");
            }
        }
    }

    // ---- printing

    private static void print(List<Variant> variants) {
        System.out.printf(
                "JDK %s, %d processors; milliseconds since the start of the process: median [least..greatest] of %d"
                        + " runs.%n%n",
                Runtime.version(), Runtime.getRuntime().availableProcessors(), RUNS);
        System.out.println(
                "| server | AOT cache | first connection accepted | goal | first 1 KiB answered | processor time |");
        System.out.println("|---|---|---:|---:|---:|---:|");
        for (Variant variant : variants) {
            System.out.printf(
                    "| %s | %s | %s | %s | %s | %s |%n",
                    variant.candidate.name,
                    variant.cached ? "yes" : "no",
                    spread(variant.accepted),
                    variant.goal() == 0 ? "" : Integer.toString(variant.goal()),
                    spread(variant.answered),
                    spread(variant.processor));
        }
    }

    private static String spread(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return "%.0f [%.0f..%.0f]".formatted(median(values), sorted.getFirst(), sorted.getLast());
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get(sorted.size() / 2);
    }
}
