// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.Server;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.time.Instant;

/** Sends the time, a line at a time, to whoever connects, until they leave. Nobody has to ask for it. */
final class StreamServer {
    private StreamServer() {}

    /** {@return a server that listens on the address and sends a line this often} */
    static Server start(SocketAddress address, Duration interval) throws IOException {
        Server server = Server.builder()
                .onConnect(connection -> stream(connection, interval))
                .build();
        server.listen(address);
        return server;
    }

    private static void stream(Connection connection, Duration interval) throws IOException, InterruptedException {
        // The event loop notices that the peer left, although nobody reads.
        while (connection.isActive()) {
            connection.writer().writeUtf8(Instant.now() + "\n").flush();
            Thread.sleep(interval);
        }
        connection.close();
    }

    /** Serves on port 8082: {@code nc 127.0.0.1 8082}. */
    public static void main(String[] args) throws Exception {
        start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8082), Duration.ofSeconds(1))
                .awaitShutdown();
    }
}
