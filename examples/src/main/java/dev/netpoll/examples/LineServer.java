// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.Server;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;

/** Numbers the lines that a client sends, and sends them back; a session is an object attached to the connection. */
final class LineServer {
    private LineServer() {}

    /** {@return a server that listens on the address} */
    static Server start(SocketAddress address) throws IOException {
        Server server = Server.builder()
                .onPrepare(connection -> connection.attach(new Session()))
                .onRequest(LineServer::answer)
                .build();
        server.listen(address);
        return server;
    }

    private static void answer(Connection connection) throws IOException {
        if (connection.attachment() instanceof Session session) {
            byte[] line = connection.reader().readUntil((byte) '\n');
            session.lines++;
            String text = new String(line, StandardCharsets.UTF_8);
            connection.writer().writeUtf8(session.lines + ": " + text).flush();
        }
    }

    /** Handlers of one connection run one after the other, so the session needs no lock. */
    private static final class Session {
        private int lines;
    }

    /** Serves on port 8083: {@code nc 127.0.0.1 8083}. */
    public static void main(String[] args) throws Exception {
        start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8083)).awaitShutdown();
    }
}
