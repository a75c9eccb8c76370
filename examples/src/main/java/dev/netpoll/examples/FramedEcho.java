// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.Dispatch;
import dev.netpoll.Framing;
import dev.netpoll.Server;
import dev.netpoll.buffer.Reader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** Answers each frame with the same frame, on the event loop: the handler is given whole frames, so it never waits. */
final class FramedEcho {
    private FramedEcho() {}

    /** {@return a server that listens on the address} */
    static Server start(SocketAddress address) throws IOException {
        Server server = Server.builder()
                .framing(Framing.lengthField(0, Integer.BYTES).maxFrameLength(1 << 20))
                .dispatch(Dispatch.inline())
                .onRequest(FramedEcho::answer)
                .build();
        server.listen(address);
        return server;
    }

    private static void answer(Connection connection) throws IOException {
        Reader in = connection.reader();
        int length = in.readInt(); // of a frame that is there, so it has been checked
        connection.writer().writeInt(length).writeBytes(in.readBytes(length)).flush();
    }

    /** Serves on port 8083. */
    public static void main(String[] args) throws Exception {
        start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8083)).awaitShutdown();
    }
}
