// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.idle;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Measures what an idle connection costs a server, and prints the tables of docs/BENCHMARKS.md.
 *
 * <p>For each scenario it starts an {@link IdleServer} in a JVM of its own, opens connections to it from this one, and
 * compares the server's {@link Census} before, with all connected, and after each has had one request. All objects of
 * all classes count.
 */
final class IdleConnections {
    private static final int CONNECTIONS = Integer.getInteger("connections", 15_000);
    private static final int GOAL_BYTES = 512;
    private static final int WARM_UPS = 200;

    /** What is measured: a backend, an address, an idle time-out in seconds or 0, and an option for the JVM. */
    private record Scenario(String backend, String transport, int idleTimeoutSeconds, String option) {
        /** Not every machine has it. */
        boolean isOptional() {
            return backend.equals("io_uring");
        }

        /** Whether the goal holds for it: default settings, and no channel of the JDK. */
        boolean hasGoal() {
            return !backend.equals("nio") && idleTimeoutSeconds == 0;
        }

        @Override
        public String toString() {
            return backend + ", " + transport + (idleTimeoutSeconds > 0 ? ", idle time-out" : "")
                    + (option.isEmpty() ? "" : ", `" + option + "`");
        }
    }

    /** What was found. */
    private record Result(Scenario scenario, Census before, Census unused, Census used) {
        double bytes(Census census) {
            return (double) (census.heapBytes() - before.heapBytes()) / CONNECTIONS;
        }

        /** A loop may keep the block that it receives into; there are no more loops than processors. */
        boolean meetsTheGoal() {
            return bytes(used) <= GOAL_BYTES
                    && used.blocks() - before.blocks() <= Runtime.getRuntime().availableProcessors();
        }
    }

    private IdleConnections() {}

    /** No arguments. Ends with status 1 if a server with default settings misses the goal. */
    public static void main(String[] args) throws Exception {
        List<Scenario> scenarios = List.of(
                new Scenario("epoll", "tcp4", 0, ""),
                new Scenario("epoll", "tcp6", 0, ""),
                new Scenario("epoll", "unix", 0, ""),
                new Scenario("epoll", "tcp4", 3600, ""),
                new Scenario("epoll", "tcp4", 0, "-XX:+UseCompactObjectHeaders"),
                new Scenario("io_uring", "tcp4", 0, ""),
                new Scenario("io_uring", "tcp6", 0, ""),
                new Scenario("io_uring", "unix", 0, ""),
                new Scenario("nio", "tcp4", 0, ""),
                new Scenario("nio", "unix", 0, ""));
        List<Result> results = new ArrayList<>();
        for (Scenario scenario : scenarios) {
            try {
                results.add(measure(scenario));
            } catch (IOException e) {
                if (!scenario.isOptional()) {
                    throw e;
                }
                System.err.println(scenario + " is left out: " + e.getMessage());
            }
        }
        summary(results);
        for (String backend : List.of("epoll", "io_uring")) {
            results.stream()
                    .filter(result -> result.scenario.backend.equals(backend))
                    .findFirst()
                    .ifPresent(IdleConnections::histogram);
        }
        boolean met =
                results.stream().filter(result -> result.scenario.hasGoal()).allMatch(Result::meetsTheGoal);
        System.exit(met ? 0 : 1);
    }

    // ---- measuring

    private static Result measure(Scenario scenario) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("netpoll-idle");
        String where =
                scenario.transport.equals("unix") ? directory.resolve("socket").toString() : scenario.transport;
        Process server = start(scenario, where);
        List<SocketChannel> open = new ArrayList<>();
        try (BufferedReader answers = server.inputReader(StandardCharsets.US_ASCII);
                Writer questions = server.outputWriter(StandardCharsets.US_ASCII)) {
            SocketAddress address = address(scenario.transport, read(answers).getFirst());
            warmUp(address);
            await(questions, answers, 0);
            census(questions, answers); // loads what taking one needs
            Census before = census(questions, answers);
            for (int i = 0; i < CONNECTIONS; i++) {
                open.add(SocketChannel.open(address));
            }
            await(questions, answers, CONNECTIONS);
            Census unused = census(questions, answers);
            for (SocketChannel channel : open) {
                request(channel);
            }
            return new Result(scenario, before, unused, census(questions, answers));
        } finally {
            server.destroy();
            server.waitFor();
            for (SocketChannel channel : open) {
                channel.close();
            }
            try (Stream<Path> left = Files.list(directory)) {
                left.forEach(IdleConnections::delete);
            }
            delete(directory);
        }
    }

    private static Process start(Scenario scenario, String where) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx1g",
                "-cp",
                System.getProperty("java.class.path")));
        if (!scenario.option.isEmpty()) {
            command.add(scenario.option);
        }
        command.addAll(List.of(
                IdleServer.class.getName(), scenario.backend, where, Integer.toString(scenario.idleTimeoutSeconds)));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    @SuppressWarnings("AddressSelection") // these are no names
    private static SocketAddress address(String transport, String answer) {
        return switch (transport) {
            case "tcp4" -> new InetSocketAddress("127.0.0.1", Integer.parseInt(answer));
            case "tcp6" -> new InetSocketAddress("::1", Integer.parseInt(answer));
            default -> UnixDomainSocketAddress.of(answer);
        };
    }

    /** Lets the server load its classes and fill its caches. */
    private static void warmUp(SocketAddress address) throws IOException {
        for (int i = 0; i < WARM_UPS; i++) {
            try (SocketChannel channel = SocketChannel.open(address)) {
                request(channel);
            }
        }
    }

    private static void request(SocketChannel channel) throws IOException {
        ByteBuffer message = ByteBuffer.allocate(Integer.BYTES).putInt(0, 42);
        channel.write(message);
        message.clear();
        while (message.hasRemaining()) {
            if (channel.read(message) < 0) {
                throw new IOException("the server closed the connection");
            }
        }
        if (message.getInt(0) != 42) {
            throw new IOException("the server answered " + message.getInt(0));
        }
    }

    private static void await(Writer questions, BufferedReader answers, int connections) throws IOException {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (Integer.parseInt(ask("count", questions, answers).getFirst()) != connections) {
            if (System.nanoTime() - deadline > 0) {
                throw new IOException("the server did not come to " + connections + " connections");
            }
        }
    }

    private static Census census(Writer questions, BufferedReader answers) throws IOException {
        return Census.parse(ask("census", questions, answers));
    }

    private static List<String> ask(String question, Writer questions, BufferedReader answers) throws IOException {
        questions.write(question + "\n");
        questions.flush();
        return read(answers);
    }

    private static List<String> read(BufferedReader answers) throws IOException {
        List<String> lines = new ArrayList<>();
        for (String line = answers.readLine(); line == null || !line.isEmpty(); line = answers.readLine()) {
            if (line == null) {
                throw new IOException("the server has ended");
            }
            lines.add(line);
        }
        return lines;
    }

    private static void delete(Path path) {
        try {
            Files.delete(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- reporting

    private static void summary(List<Result> results) {
        System.out.printf("%,d connections, JDK %s; bytes are per connection.%n%n", CONNECTIONS, Runtime.version());
        System.out.println("| server | heap, never used | heap, after a request | blocks in use, before and after"
                + " | threads, before and after | resident set |");
        System.out.println("|---|---:|---:|---:|---:|---:|");
        for (Result r : results) {
            System.out.printf(
                    "| %s | %.0f B | %.0f B | %d, %d | %d, %d | %.0f B |%n",
                    r.scenario,
                    r.bytes(r.unused),
                    r.bytes(r.used),
                    r.before.blocks(),
                    r.used.blocks(),
                    r.before.threads(),
                    r.used.threads(),
                    (double) (r.used.residentBytes() - r.before.residentBytes()) / CONNECTIONS);
        }
    }

    private static void histogram(Result result) {
        System.out.printf("%nThe objects behind \"%s\" after a request:%n%n", result.scenario);
        System.out.println("| class | objects per connection | bytes per connection |");
        System.out.println("|---|---:|---:|");
        double rest = result.bytes(result.used);
        TreeSet<String> names = new TreeSet<>(result.used.classes().keySet());
        names.addAll(result.before.classes().keySet());
        List<String> shown = names.stream()
                .filter(name -> Math.abs(grown(result, name).bytes()) >= CONNECTIONS)
                .sorted((a, b) ->
                        Long.compare(grown(result, b).bytes(), grown(result, a).bytes()))
                .toList();
        for (String name : shown) {
            Census.Objects grown = grown(result, name);
            double bytes = (double) grown.bytes() / CONNECTIONS;
            rest -= bytes;
            System.out.printf("| `%s` | %.2f | %.1f |%n", name, (double) grown.count() / CONNECTIONS, bytes);
        }
        System.out.printf("| all other classes together | | %.1f |%n", rest);
        System.out.printf("| **all** | | **%.1f** |%n", result.bytes(result.used));
    }

    private static Census.Objects grown(Result result, String name) {
        return result.used
                .classes()
                .getOrDefault(name, Census.NONE)
                .minus(result.before.classes().getOrDefault(name, Census.NONE));
    }
}
