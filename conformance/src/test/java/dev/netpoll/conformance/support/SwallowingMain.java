// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;

/**
 * A server in a process of its own whose handler flushes where the stack ends, and on each error again a frame
 * higher, until that succeeds. Connects again and again, each time beginning at another depth, and prints how many
 * connections did not end.
 */
@SuppressWarnings("InfiniteRecursion")
public final class SwallowingMain {
    private static final int ROUNDS = 60;
    private static final int DEPTHS = 30;
    private static final int TIMEOUT_MILLIS = 3000;

    private final byte[] answer;
    private int untilFlush;
    private boolean flushed;

    private SwallowingMain(int size) {
        answer = new byte[size];
    }

    /** Takes the name of the backend, whether the handler is inline, and the size of its answers. */
    public static void main(String[] args) throws Exception {
        Dispatch dispatch = Boolean.parseBoolean(args[1]) ? Dispatch.inline() : Dispatch.virtual();
        int lingering = 0;
        try (EventLoopGroup group =
                EventLoopGroup.builder().backend(Backend.of(args[0])).loops(1).build()) {
            for (int round = 0; round < ROUNDS; round++) {
                SwallowingMain handler = new SwallowingMain(Integer.parseInt(args[2]));
                handler.untilFlush = round % DEPTHS;
                try (Server server = Server.builder()
                        .group(group)
                        .dispatch(dispatch)
                        .writeTimeout(Duration.ofMinutes(1))
                        .onError((connection, error) -> {})
                        .onRequest(handler::handle)
                        .build()) {
                    InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
                    InetSocketAddress address = (InetSocketAddress) server.listen(new InetSocketAddress(loopback, 0));
                    if (!ends(address)) {
                        lingering++;
                    }
                }
            }
        }
        System.out.println("lingering " + lingering);
    }

    private static boolean ends(InetSocketAddress address) throws IOException {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            socket.setSoTimeout(TIMEOUT_MILLIS);
            socket.getOutputStream().write(1);
            socket.shutdownOutput();
            socket.getInputStream().readAllBytes();
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (SocketException e) {
            return true; // reset
        }
    }

    private void handle(Connection connection) throws IOException {
        connection.reader().readByte();
        dive(connection);
    }

    private void dive(Connection connection) throws IOException {
        try {
            dive(connection);
        } catch (StackOverflowError end) {
            if (flushed || untilFlush-- > 0) {
                throw end;
            }
            connection.writer().writeBytes(answer).flush();
            flushed = true;
        }
    }
}
