// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.startup;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** The JDK's blocking sockets, with a virtual thread for each connection: about the least that a JVM can do. */
final class SocketStartup {
    private SocketStartup() {}

    /** {@code <port>}. */
    public static void main(String[] args) throws IOException {
        ServerSocket listener = new ServerSocket(Integer.parseInt(args[0]), 50, InetAddress.getLoopbackAddress());
        Thread.ofPlatform().daemon().start(() -> accept(listener));
        Accepted.tell();
    }

    private static void accept(ServerSocket listener) {
        try {
            while (true) {
                Socket socket = listener.accept();
                Accepted.now();
                Thread.startVirtualThread(() -> echo(socket));
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void echo(Socket socket) {
        byte[] message = new byte[Accepted.MESSAGE_BYTES];
        try (socket) {
            while (socket.getInputStream().readNBytes(message, 0, message.length) == message.length) {
                socket.getOutputStream().write(message);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
