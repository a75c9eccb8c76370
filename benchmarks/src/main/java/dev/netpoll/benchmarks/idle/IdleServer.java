// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.idle;

import dev.netpoll.Backend;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * An echo server with default settings. Answers each line of its standard input with lines that end with an empty one:
 * {@code count} with the number of connections, anything else with a {@link Census}.
 */
final class IdleServer {
    private IdleServer() {}

    /**
     * Arguments: epoll, io_uring or nio; tcp4, tcp6, or the path of a Unix socket; an idle time-out in seconds, or 0
     * for none.
     */
    public static void main(String[] args) throws Exception {
        Backend backend = Backend.of(args[0]);
        try (EventLoopGroup group = EventLoopGroup.builder().backend(backend).build()) {
            Server.Builder builder = Server.builder()
                    .group(group)
                    .onRequest(connection -> connection
                            .writer()
                            .writeInt(connection.reader().readInt())
                            .flush());
            int seconds = Integer.parseInt(args[2]);
            if (seconds > 0) {
                builder.idleTimeout(Duration.ofSeconds(seconds));
            }
            try (Server server = builder.build()) {
                SocketAddress address = server.listen(address(args[1]));
                answer(address instanceof InetSocketAddress inet ? Integer.toString(inet.getPort()) : args[1]);
                BufferedReader questions =
                        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
                for (String line = questions.readLine(); line != null; line = questions.readLine()) {
                    answer(
                            line.equals("count")
                                    ? Integer.toString(server.connectionCount())
                                    : String.join("\n", Census.take().lines()));
                }
            }
        }
    }

    @SuppressWarnings("AddressSelection") // these are no names
    private static SocketAddress address(String name) {
        return switch (name) {
            case "tcp4" -> new InetSocketAddress("127.0.0.1", 0);
            case "tcp6" -> new InetSocketAddress("::1", 0);
            default -> UnixDomainSocketAddress.of(name);
        };
    }

    private static void answer(String lines) {
        System.out.println(lines + "\n");
        System.out.flush();
    }
}
