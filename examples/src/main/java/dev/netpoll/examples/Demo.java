// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Backend;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dialer;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.io.Console;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** An RPC server and its clients in one process: shows that they work together, and how fast. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        description = {
            "Starts an echo RPC server on a free port and calls it from virtual threads through a pool of connections.",
            "Checks every answer byte by byte. Exits with 0 if all were right, else with 1."
        })
final class Demo implements Callable<Integer> {
    private static final Duration WARM_UP = Duration.ofSeconds(1);
    private static final Duration SLOW_WORK = Duration.ofMillis(5);
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final Duration GRACE = Duration.ofSeconds(5);

    /** What servers have that say nothing about it. */
    private static final Dispatch DISPATCH = Dispatch.adaptive();

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "5",
            converter = Converters.OfPositive.class,
            description = "how long to measure, after a second to warm up (default: ${DEFAULT-VALUE})")
    private int seconds;

    @Option(
            names = "--connections",
            paramLabel = "N",
            defaultValue = "100",
            converter = Converters.OfPositive.class,
            description = "number of connections, and of callers (default: ${DEFAULT-VALUE})")
    private int connections;

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = "auto",
            converter = Converters.OfBackend.class,
            description = "auto, epoll, io_uring or nio; auto is epoll, or nio where that cannot be had"
                    + " (default: ${DEFAULT-VALUE})")
    private Backend backend = Backend.AUTO;

    @Override
    public Integer call() throws IOException, InterruptedException {
        try (EventLoopGroup group = group()) {
            Server server = Server.builder()
                    .onRequest(new BlockingEcho(Demo::work))
                    .dispatch(DISPATCH)
                    .group(group)
                    .build();
            try {
                SocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                return drive(address, group);
            } finally {
                server.shutdown(GRACE);
            }
        }
    }

    private int drive(SocketAddress address, EventLoopGroup group) throws InterruptedException {
        Dialer dialer = Dialer.builder()
                .group(group)
                .options(ConnectionOptions.builder()
                        .readTimeout(TIMEOUT)
                        .writeTimeout(TIMEOUT)
                        .build())
                .build();
        try (ClientPool pool = new ClientPool(dialer, address, connections)) {
            Load load = Load.start(pool, connections, WARM_UP, Duration.ofSeconds(seconds));
            Report report = new Report(load, System.out);
            showProgress(load, report);
            Duration measured = load.measured();
            report.counts(measured);
            report.row("connections", connections + ", one caller each, to " + Addresses.format(address));
            report.row(
                    "backend",
                    group.backend() + ", " + group.loops() + " event loop" + (group.loops() == 1 ? "" : "s"));
            report.row("dispatch", DISPATCH.toString());
            report.latencies(SLOW_WORK);
            Throwable error = load.firstError();
            if (error != null) {
                System.err.println("netpoll demo: the first error:");
                error.printStackTrace();
            }
            return error == null && load.answers() > 0 ? ExitCode.OK : ExitCode.SOFTWARE;
        }
    }

    /** On a terminal one line is updated in place. Elsewhere standard output is kept for the table. */
    private static void showProgress(Load load, Report report) throws InterruptedException {
        boolean terminal = isTerminal();
        Duration interval = Duration.ofMillis(terminal ? 100 : 1000);
        while (!load.await(interval)) {
            if (terminal) {
                System.out.print("\r\033[K" + report.progress());
                System.out.flush();
            } else {
                System.err.println(report.progress());
            }
        }
        if (terminal) {
            System.out.print("\r\033[K");
        }
    }

    @SuppressWarnings("SystemConsoleNull") // since JDK 25 it is null again without a terminal
    private static boolean isTerminal() {
        Console console = System.console();
        return console != null && console.isTerminal();
    }

    private EventLoopGroup group() {
        try {
            return EventLoopGroup.builder().backend(backend).build();
        } catch (UnsupportedOperationException e) {
            throw new ParameterException(Objects.requireNonNull(spec).commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    /** What a real handler would do with a database: wait. It blocks its virtual thread, and nothing else. */
    private static void work(Message request) throws InterruptedException {
        if (Load.isSlow(request)) {
            Thread.sleep(SLOW_WORK);
        }
    }
}
