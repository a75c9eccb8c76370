// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package consumer;

import dev.netpoll.Connection;
import dev.netpoll.ConnectionException;
import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.DetachedSocket;
import dev.netpoll.Dialer;
import dev.netpoll.Dispatch;
import dev.netpoll.ErrorHandler;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Framing;
import dev.netpoll.Server;
import dev.netpoll.buffer.LinkBuffer;
import dev.netpoll.buffer.Reader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.time.Instant;

/** A user's program: serves, dials, and prints what the answer is. Uses what our API annotates. */
public final class Main implements ConnectionHandler, ErrorHandler {
    private Main() {}

    @Override
    public void handle(Connection connection) throws Exception {
        Reader in = connection.reader();
        int length = in.readLength(1 << 20);
        connection.writer().writeInt(length).writeUtf8(in.readUtf8(length)).flush();
    }

    @Override
    public void onError(Connection connection, Throwable error) {
        SocketAddress peer = connection.remoteAddress();
        String errno = error instanceof ConnectionException failure ? failure.errno() : null;
        System.err.println(peer + " " + errno + " " + error);
    }

    private static String ask(EventLoopGroup group, SocketAddress address) throws IOException {
        Dialer dialer = Dialer.builder()
                .group(group)
                .localAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .build();
        Connection dialed = dialer.dial(address, Duration.ofSeconds(10), "a session");
        dialed.setReadDeadline(Instant.now().plusSeconds(10));
        dialed.writer().writeInt(5).writeUtf8("hello").flush();
        Reader in = dialed.reader();
        String answer = in.readUtf8(in.readLength(100)) + " of " + dialed.attachment();
        DetachedSocket socket = dialed.detach();
        SocketChannel channel = socket.channel();
        try (LinkBuffer unread = socket.unread();
                Connection again = group.adopt(socket, ConnectionOptions.defaults())) {
            return answer + " " + unread.isEmpty() + " " + again.isActive() + " " + (channel == null);
        }
    }

    /** Serves and asks. */
    public static void main(String[] args) throws Exception {
        Main self = new Main();
        try (EventLoopGroup group = EventLoopGroup.builder().loops(1).build();
                Server server = Server.builder()
                        .group(group)
                        .dispatch(Dispatch.virtual())
                        .options(ConnectionOptions.defaults())
                        .framing(Framing.lengthField(0, Integer.BYTES))
                        .onRequest(self)
                        .onError(self)
                        .build()) {
            SocketAddress address = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            System.out.println(ask(group, address));
        }
    }
}
