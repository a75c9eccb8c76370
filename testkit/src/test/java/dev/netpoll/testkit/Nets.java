// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dialer;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** A network with a group and what a test opens on it. Checks in the end that nothing is left. */
final class Nets implements AutoCloseable {
    static final Duration SHORT = Duration.ofMillis(50);

    final LeakCheck leaks = LeakCheck.begin();
    final TestNetwork network;
    final EventLoopGroup group;
    final Queue<Connection> accepted = new ConcurrentLinkedQueue<>();
    private final Deque<Runnable> opened = new ArrayDeque<>();

    /** A dialed connection and the accepted one at its other end; neither has a request handler. */
    record Pair(Connection client, Connection server) {}

    Nets() {
        this(TestNetwork.create());
    }

    Nets(TestNetwork network) {
        this.network = network;
        group = EventLoopGroup.builder().backend(network.backend()).loops(2).build();
    }

    SocketAddress serve(ConnectionHandler handler) throws IOException {
        Server server = Server.builder().group(group).onRequest(handler).build();
        opened.push(server::close);
        return server.listen(network.freshAddress());
    }

    /** A server that accepts, and leaves the connections to the test. */
    SocketAddress listen() throws IOException {
        Server server = Server.builder()
                .group(group)
                .options(ConnectionOptions.builder().allowHalfOpen(true).build())
                .onConnect(accepted::add)
                .build();
        opened.push(server::close);
        return server.listen(network.freshAddress());
    }

    Dialer dialer() {
        return Dialer.builder().group(group).build();
    }

    Connection dial(SocketAddress address) throws IOException {
        Connection connection = Dialer.builder()
                .group(group)
                .readTimeout(Await.DEADLINE)
                .build()
                .dial(address);
        opened.push(connection::close);
        return connection;
    }

    Pair pair() throws IOException {
        Connection client = dial(listen());
        Await.until("the connection is accepted", () -> !accepted.isEmpty());
        Connection server = accepted.remove();
        opened.push(server::close);
        server.setReadTimeout(Await.DEADLINE);
        return new Pair(client, server);
    }

    /** Sends a word and flushes. */
    static void send(Connection connection, String text) throws IOException {
        connection.writer().writeUtf8(text).flush();
    }

    @Override
    public void close() {
        opened.forEach(Runnable::run);
        group.close();
        network.close();
        leaks.close();
    }
}
