// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import dev.netpoll.PeerClosedException;
import dev.netpoll.Server;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import dev.netpoll.buffer.Writer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** Passes bytes on, both ways, without copying them: what was received is what is sent. */
final class Proxy {
    private static final int BYTES_AT_ONCE = 256 << 10;

    private Proxy() {}

    /** {@return a server that listens on one address and passes everything on to the other} */
    static Server start(SocketAddress address, SocketAddress target) throws IOException {
        Server server =
                Server.builder().onConnect(client -> serve(client, target)).build();
        server.listen(address);
        return server;
    }

    private static void serve(Connection client, SocketAddress target) throws Exception {
        try (client;
                Connection upstream = Dialer.create().dial(target)) {
            Thread answers = Thread.startVirtualThread(() -> pump(upstream, client));
            pump(client, upstream);
            answers.join();
        }
    }

    private static void pump(Connection from, Connection to) {
        try {
            while (passOn(from.reader(), to.writer())) {}
            // The one side has no more to say; the other may still answer.
            to.shutdownOutput();
        } catch (IOException broken) { // an end in order would make a part look like the whole
            from.abort();
            to.abort();
        }
    }

    /** A flush waits until the receiver keeps up, so a fast sender is slowed down rather than buffered. */
    private static boolean passOn(Reader in, Writer out) throws IOException {
        try {
            in.peek(1);
        } catch (PeerClosedException end) {
            return false;
        }
        try (LinkBuffer bytes = in.slice((int) Math.min(in.readableBytes(), BYTES_AT_ONCE))) {
            out.append(bytes).flush();
        }
        in.release();
        return true;
    }

    /** Serves on port 8081, and passes on to port 8080. */
    public static void main(String[] args) throws Exception {
        InetAddress host = InetAddress.getLoopbackAddress();
        start(new InetSocketAddress(host, 8081), new InetSocketAddress(host, 8080))
                .awaitShutdown();
    }
}
