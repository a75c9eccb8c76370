// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import dev.netpoll.testkit.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** What a test needs of one variant: servers, dialers, addresses and raw peers. Ends what the test has opened. */
public final class Harness {
    private static final AtomicInteger SOCKETS = new AtomicInteger();
    private static final Duration SILENCE = Duration.ofMillis(10);

    private final Variant variant;
    private final EventLoopGroup group;
    private final Path directory;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final Queue<Throwable> errors = new ConcurrentLinkedQueue<>();

    /** A harness on a group that outlives it; paths of Unix sockets are made in the directory. */
    public Harness(Variant variant, EventLoopGroup group, Path directory) {
        this.variant = variant;
        this.group = group;
        this.directory = directory;
    }

    /** {@return the address ::1} */
    public static byte[] ipv6Loopback() {
        return new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    }

    /** {@return the event loops} */
    public EventLoopGroup group() {
        return group;
    }

    /** {@return an address to listen on: a free port of the loopback interface, or a new path} */
    public SocketAddress freshAddress() {
        try {
            return switch (variant.transport()) {
                case TCP4 -> new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), 0);
                case TCP6 -> new InetSocketAddress(InetAddress.getByAddress(ipv6Loopback()), 0);
                case UNIX -> UnixDomainSocketAddress.of(freshPath());
            };
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** {@return a path that does not exist} */
    public Path freshPath() {
        return directory.resolve(SOCKETS.incrementAndGet() + ".sock");
    }

    /** {@return a server's builder with the group, the dispatch, and an error handler for {@link #takeErrors}} */
    public Server.Builder server() {
        return Server.builder()
                .group(group)
                .dispatch(variant.mode().dispatch())
                .onError((connection, error) -> errors.add(error));
    }

    /** Builds the server and listens on a fresh address. */
    public Listening listen(Server.Builder builder) throws IOException {
        Server server = closing(builder.build());
        return new Listening(server, server.listen(freshAddress()));
    }

    /** Starts a server that has just this request handler. */
    public Listening serve(ConnectionHandler onRequest) throws IOException {
        return listen(server().onRequest(onRequest));
    }

    /** {@return a dialer's builder with the group, the dispatch, and an error handler for {@link #takeErrors}} */
    public Dialer.Builder dialer() {
        return Dialer.builder()
                .group(group)
                .dispatch(variant.mode().dispatch())
                .onError((connection, error) -> errors.add(error));
    }

    /** Dials with the defaults. */
    public Connection dial(SocketAddress address) throws IOException {
        return closing(dialer().build().dial(address));
    }

    /** Dials with these options. */
    public Connection dial(SocketAddress address, ConnectionOptions options) throws IOException {
        return closing(dialer().options(options).build().dial(address));
    }

    /** Connects a raw peer. */
    public RawPeer connectRaw(SocketAddress address) throws IOException {
        return closing(RawPeer.connect(address, 0));
    }

    /** Connects a raw peer whose kernel buffers are small. */
    public RawPeer connectRaw(SocketAddress address, int bufferBytes) throws IOException {
        return closing(RawPeer.connect(address, bufferBytes));
    }

    /** Starts a raw listener. */
    public RawListener listenRaw() throws IOException {
        return closing(new RawListener(freshAddress(), 0, 0));
    }

    /** Starts a raw listener whose connections have small kernel buffers. */
    public RawListener listenRaw(int backlog, int bufferBytes) throws IOException {
        return closing(new RawListener(freshAddress(), backlog, bufferBytes));
    }

    /** {@return a dialed connection and the raw peer behind it} */
    public Pair pair() throws IOException {
        return pair(dialer());
    }

    /** {@return a connection dialed with these options and the raw peer behind it} */
    public Pair pair(ConnectionOptions options) throws IOException {
        return pair(dialer().options(options));
    }

    /** {@return a connection dialed that way and the raw peer behind it} */
    public Pair pair(Dialer.Builder dialer) throws IOException {
        try (RawListener listener = listenRaw()) {
            Connection connection = closing(dialer.build().dial(listener.address()));
            return new Pair(connection, closing(listener.accept()));
        }
    }

    /** {@return two connections of the library that are connected with each other; none has a handler} */
    public Both both() throws IOException {
        return both(ConnectionOptions.defaults());
    }

    /** {@return two connections with these options that are connected with each other; none has a handler} */
    public Both both(ConnectionOptions options) throws IOException {
        Queue<Connection> accepted = new ConcurrentLinkedQueue<>();
        Listening listening =
                listen(server().options(options.toBuilder().allowHalfOpen(true).build())
                        .onConnect(accepted::add));
        Connection dialed = dial(listening.address(), options);
        Await.until("the connection is accepted", () -> !accepted.isEmpty());
        return new Both(dialed, accepted.remove());
    }

    /**
     * Waits until something holds of the memory that is in use. The loops turn after each while of silence, as those of
     * a busy process do: one that sleeps may keep for a second what it received into.
     */
    public void awaitMemory(String what, Callable<Boolean> condition) throws IOException {
        SocketAddress nobody;
        try (RawListener listener = new RawListener(freshAddress(), 0, 0)) {
            nobody = listener.address();
        }
        Dialer dialer = dialer().build();
        Await.until(what, () -> {
            if (Await.within(SILENCE, condition)) {
                return true;
            }
            for (int i = 0; i < group.loops(); i++) { // they take turns
                try {
                    dialer.dial(nobody).close();
                } catch (ConnectionException refused) {
                    // The loop has turned for it, and has nothing to receive.
                }
            }
            return false;
        });
    }

    /** Closes it when the test ends. */
    public <T extends AutoCloseable> T closing(T resource) {
        synchronized (opened) {
            opened.push(resource);
        }
        return resource;
    }

    /** {@return what callbacks threw so far; the test takes them over, so that they do not fail it} */
    public List<Throwable> takeErrors() {
        List<Throwable> taken = new ArrayList<>();
        for (Throwable error = errors.poll(); error != null; error = errors.poll()) {
            taken.add(error);
        }
        return taken;
    }

    /** Waits for one error and takes it over. */
    public Throwable takeError() {
        Await.until("an error is reported", () -> !errors.isEmpty());
        return errors.remove();
    }

    /** {@return how many errors wait to be taken over} */
    public int errorCount() {
        return errors.size();
    }

    /** Closes what the test opened, checks that no connection is left and that nothing failed unnoticed. */
    public void end() throws Exception {
        Exception failure = null;
        synchronized (opened) {
            while (!opened.isEmpty()) {
                try {
                    opened.pop().close();
                } catch (IOException expected) {
                    // The test may have broken it on purpose.
                } catch (Exception failed) {
                    failure = failed;
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
        Await.until("no connection is left of " + group.connectionCount(), () -> group.connectionCount() == 0);
        // A handler may well meet the end of its connection; anything else is news.
        errors.removeIf(ConnectionException.class::isInstance);
        if (!errors.isEmpty()) {
            throw new AssertionError("callbacks failed, and the test did not expect it: " + errors, errors.peek());
        }
    }

    /** A server and the address it listens on. */
    public record Listening(Server server, SocketAddress address) {
        /** Waits until each connection of the server has ended. */
        public void awaitNoConnections() {
            Await.until("each connection of the server has ended", () -> server.connectionCount() == 0);
        }
    }

    /** A dialed connection and its raw peer. */
    public record Pair(Connection connection, RawPeer peer) {}

    /** A dialed connection and the accepted one at its other end. */
    public record Both(Connection dialed, Connection accepted) {}
}
