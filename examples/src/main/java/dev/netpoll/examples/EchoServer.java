// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.Server;
import dev.netpoll.buffer.Reader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** Sends each message back. A message is a 4-byte length and text of that many bytes. */
final class EchoServer {
    private static final int LENGTH_MAX = 1 << 20;

    private EchoServer() {}

    /** {@return a server that listens on the address} */
    static Server start(SocketAddress address) throws IOException {
        Server server = Server.builder().onRequest(EchoServer::echo).build();
        server.listen(address);
        return server;
    }

    /** Reads wait for their bytes: this runs on a virtual thread. */
    private static void echo(Connection connection) throws IOException {
        Reader in = connection.reader();
        int length = in.readLength(LENGTH_MAX); // what a peer may say, and no more
        String message = in.readUtf8(length);
        connection.writer().writeInt(length).writeUtf8(message).flush();
    }

    /** Serves on port 8080. */
    public static void main(String[] args) throws Exception {
        start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8080)).awaitShutdown();
    }
}
