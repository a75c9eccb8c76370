// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc;

import dev.netpoll.benchmarks.rpc.report.Results.LeftOut;
import dev.netpoll.benchmarks.rpc.report.Results.Test;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Starts the processes of a test: servers on one processor, what makes the load on another. */
final class Stage {
    private static final Duration START_PATIENCE = Duration.ofSeconds(30);

    /** 2 is what our own say, 126 and 127 what taskset and shells say of a program that is not there. */
    private static final Set<Integer> STATUSES_CANNOT_RUN = Set.of(2, 126, 127);

    private static final int SERVER_PROCESSOR = 0;
    private static final int LOAD_PROCESSOR = 1;

    private final Children children;
    private final Catalog catalog;
    private final Progress progress;
    private final Path scratch;
    private final boolean pin;

    Stage(Children children, Catalog catalog, Progress progress, Path scratch, boolean pin) {
        this.children = children;
        this.catalog = catalog;
        this.progress = progress;
        this.scratch = scratch;
        this.pin = pin;
    }

    /** A server that listens. */
    record Listening(Child child, int port) {}

    /** Starts one load generator and all servers; tells which can't run. */
    List<Contender> startServers(List<Candidate> candidates, Consumer<LeftOut> leftOut)
            throws IOException, InterruptedException {
        Child load = startLoad();
        Driver driver = new Driver(load, progress);
        List<Contender> started = new ArrayList<>();
        for (Candidate candidate : candidates) {
            try {
                Listening server = startServer(candidate);
                started.add(new Contender(candidate, driver, server.child, load, server.port));
            } catch (CannotRun e) {
                leftOut.accept(new LeftOut(Test.SERVER, candidate.name(), reason(e)));
            }
        }
        return started;
    }

    /** Starts all clients, to be measured against the given server. */
    List<Contender> startClients(List<Candidate> candidates, Listening server, Consumer<LeftOut> leftOut)
            throws IOException, InterruptedException {
        List<Contender> started = new ArrayList<>();
        for (Candidate candidate : candidates) {
            try {
                Child client = start(candidate, LOAD_PROCESSOR, 0);
                // It says nothing before it is asked, so whether it can run shows with the first question.
                Driver driver = new Driver(client, progress);
                greet(client, driver);
                started.add(new Contender(candidate, driver, client, server.child, server.port));
            } catch (CannotRun e) {
                leftOut.accept(new LeftOut(Test.CLIENT, candidate.name(), reason(e)));
            }
        }
        return started;
    }

    Child startLoad() throws IOException {
        return children.start("the load generator", pin ? LOAD_PROCESSOR : -1, catalog.load());
    }

    /** Starts a server and waits until it listens. */
    Listening startServer(Candidate candidate) throws IOException, InterruptedException {
        int port = candidate.announces() ? 0 : freePort();
        Child child = start(candidate, SERVER_PROCESSOR, port);
        if (candidate.announces()) {
            return new Listening(child, announcedPort(child));
        }
        awaitPort(child, port);
        return new Listening(child, port);
    }

    private Child start(Candidate candidate, int processor, int port) throws IOException, InterruptedException {
        progress.step("starting " + candidate.name());
        List<String> command = candidate.start().command(scratch, port);
        try {
            return children.start(candidate.name(), pin ? processor : -1, command);
        } catch (CannotRun e) {
            throw e;
        } catch (IOException e) {
            throw new CannotRun(String.valueOf(e.getMessage()));
        }
    }

    private void greet(Child client, Driver driver) throws IOException, InterruptedException {
        try {
            driver.stats();
        } catch (BenchFailure e) {
            throw endedEarly(client, e);
        }
    }

    private int announcedPort(Child child) throws IOException, InterruptedException {
        while (true) {
            String line;
            try {
                line = child.answer(START_PATIENCE);
            } catch (BenchFailure e) {
                throw endedEarly(child, e);
            }
            if (line.startsWith("LISTENING ")) {
                return Integer.parseInt(line.substring("LISTENING ".length()).strip());
            }
        }
    }

    private void awaitPort(Child child, int port) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + START_PATIENCE.toNanos();
        while (true) {
            if (!child.isAlive()) {
                throw endedEarly(child, new BenchFailure(child.name() + " ended before it listened"));
            }
            try (Socket probe = new Socket(InetAddress.getLoopbackAddress(), port)) {
                probe.setTcpNoDelay(true);
                return;
            } catch (IOException e) {
                if (System.nanoTime() - deadline > 0) {
                    throw new BenchFailure(child.name() + " does not listen on port " + port
                            + ", which its command got for {port}: " + e.getMessage());
                }
            }
            Thread.sleep(Duration.ofMillis(20));
        }
    }

    /** A process that ends with one of these says that it can't run here; any other end is a failure. */
    private IOException endedEarly(Child child, BenchFailure failure) throws InterruptedException {
        boolean cannot =
                child.exitStatus().filter(STATUSES_CANNOT_RUN::contains).isPresent();
        if (!cannot) {
            return failure;
        }
        String reason = child.lastError();
        children.end(child);
        return new CannotRun(reason.isEmpty() ? "it ended at once" : reason);
    }

    private static String reason(CannotRun e) {
        @Nullable String message = e.getMessage();
        return message == null ? "no reason given" : message;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
