// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.examples;

import dev.netpoll.Connection;
import dev.netpoll.Dialer;
import dev.netpoll.buffer.Reader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Asks an {@link EchoServer}. */
final class EchoClient {
    private EchoClient() {}

    /** {@return what the server answers to the message} */
    static String ask(SocketAddress server, String message) throws IOException {
        byte[] bytes = message.getBytes(StandardCharsets.UTF_8);
        try (Connection connection = Dialer.create().dial(server)) {
            connection.setReadTimeout(Duration.ofSeconds(5));
            connection.writer().writeInt(bytes.length).writeBytes(bytes).flush();
            Reader in = connection.reader();
            return in.readUtf8(in.readLength(bytes.length));
        }
    }

    /** Sends its argument to port 8080. */
    public static void main(String[] args) throws Exception {
        String message = args.length > 0 ? args[0] : "hello";
        System.out.println(ask(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8080), message));
    }
}
