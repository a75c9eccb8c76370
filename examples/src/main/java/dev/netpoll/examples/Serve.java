// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Serves until a signal ends it, by draining. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        description = {
            "Answers each frame with a frame of the same payload.",
            "A frame is a 4-byte big-endian length and that many bytes of payload, at most 64 MiB.",
            "SIGTERM and SIGINT let running requests finish, for at most 10 seconds."
        })
final class Serve implements Callable<Integer> {
    private static final Duration GRACE = Duration.ofSeconds(10);

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--listen",
            required = true,
            paramLabel = "ADDRESS",
            converter = Converters.OfAddress.class,
            description = "HOST:PORT, [IPV6]:PORT or unix:PATH; may be repeated. An empty host or * is any address,"
                    + " port 0 a free one, unix:@NAME an abstract name.")
    private List<SocketAddress> addresses = List.of();

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = "auto",
            converter = Converters.OfBackend.class,
            description = "auto, epoll, io_uring or nio; auto is epoll, or nio where that cannot be had"
                    + " (default: ${DEFAULT-VALUE})")
    private Backend backend = Backend.AUTO;

    @Option(
            names = "--dispatch",
            paramLabel = "NAME",
            defaultValue = "adaptive",
            converter = Converters.OfDispatch.class,
            description =
                    "adaptive: the event loop runs the handler while that proves short, virtual threads otherwise;"
                            + " virtual: a virtual thread for each run; inline: always the event loop"
                            + " (default: ${DEFAULT-VALUE})")
    private Dispatch dispatch = Dispatch.adaptive();

    @Option(
            names = "--loops",
            paramLabel = "N",
            converter = Converters.OfPositive.class,
            description = "number of event loops (default: half the processors)")
    private @Nullable Integer loops;

    @Option(
            names = "--work-ms",
            paramLabel = "D",
            defaultValue = "0",
            converter = Converters.OfNonNegative.class,
            description = "how many milliseconds the handler blocks before each answer; not with inline, which must"
                    + " not block (default: ${DEFAULT-VALUE})")
    private int workMillis;

    @Override
    public Integer call() throws InterruptedException {
        ConnectionHandler handler = handler();
        EventLoopGroup group = group();
        Server server = server(group, handler);
        try {
            listen(server);
        } catch (ParameterException e) {
            server.close();
            group.close();
            throw e;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> drain(server, group), "netpoll-drain"));
        for (SocketAddress address : server.addresses()) {
            System.out.println("listening on " + Addresses.format(address)
                    + " backend=" + group.backend()
                    + " dispatch=" + dispatch
                    + " loops=" + group.loops());
        }
        System.out.flush();
        server.awaitShutdown();
        return ExitCode.OK;
    }

    private EventLoopGroup group() {
        EventLoopGroup.Builder builder = EventLoopGroup.builder().backend(backend);
        if (loops != null) {
            builder.loops(loops);
        }
        try {
            return builder.build();
        } catch (UnsupportedOperationException | IllegalArgumentException e) {
            throw usageError(String.valueOf(e.getMessage()));
        }
    }

    private Server server(EventLoopGroup group, ConnectionHandler handler) {
        return Server.builder()
                .onRequest(handler)
                .onError(Serve::report)
                .dispatch(dispatch)
                .group(group)
                .options(ConnectionOptions.builder()
                        .maxFrameLength(Frames.HEADER_BYTES + Frames.PAYLOAD_BYTES_MAX)
                        .build())
                .build();
    }

    private ConnectionHandler handler() {
        boolean inline = dispatch == Dispatch.inline();
        if (workMillis == 0) {
            return inline ? new InlineEcho() : new BlockingEcho();
        }
        if (inline) {
            throw usageError(
                    "--work-ms needs --dispatch adaptive or virtual: a handler on the event loop must not block");
        }
        return new BlockingEcho(request -> Thread.sleep(workMillis));
    }

    private void listen(Server server) {
        for (SocketAddress address : addresses) {
            try {
                server.listen(address);
            } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
                throw usageError("--listen " + Addresses.format(address) + ": " + e.getMessage());
            }
        }
    }

    /** Peers may leave as they like. What they send wrong is told in a line; anything else is a bug of ours. */
    private static void report(Connection connection, Throwable error) {
        switch (error) {
            case ConnectionException gone -> {}
            case ProtocolException wrong ->
                System.err.println(
                        "netpoll serve: closed a connection from " + peer(connection) + ": " + wrong.getMessage());
            default -> error.printStackTrace();
        }
    }

    private static String peer(Connection connection) {
        SocketAddress address = connection.remoteAddress();
        return address == null ? "nowhere" : Addresses.format(address);
    }

    /** Ends the process itself: after a signal the JVM's own exit status would be that of a killed process. */
    private static void drain(Server server, EventLoopGroup group) {
        int status = ExitCode.SOFTWARE;
        try {
            server.shutdown(GRACE);
            group.close();
            status = ExitCode.OK;
        } finally {
            System.out.flush();
            Runtime.getRuntime().halt(status);
        }
    }

    private ParameterException usageError(String message) {
        return new ParameterException(Objects.requireNonNull(spec).commandLine(), message);
    }
}
