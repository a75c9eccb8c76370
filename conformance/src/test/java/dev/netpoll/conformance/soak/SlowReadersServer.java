// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.soak;

import dev.netpoll.Backend;
import dev.netpoll.Connection;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Framing;
import dev.netpoll.Server;
import dev.netpoll.buffer.BufferMemory;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Echoes frames, on one loop, in a process of its own: prints its port, and serves until its input ends. */
public final class SlowReadersServer {
    private static final int BACKLOG = 8192;

    private SlowReadersServer() {}

    /** Takes the names of the backend and of the dispatch, and whether loops run on platform threads. */
    public static void main(String[] args) throws Exception {
        Dispatch dispatch = switch (args[1]) {
            case "virtual" -> Dispatch.virtual();
            case "inline" -> Dispatch.inline();
            default -> Dispatch.adaptive();
        };
        EventLoopGroup group = EventLoopGroup.builder()
                .backend(Backend.of(args[0]))
                .platformThreads(Boolean.parseBoolean(args[2]))
                .loops(1)
                .build();
        try (group;
                Server server = Server.builder()
                        .group(group)
                        .dispatch(dispatch)
                        .framing(Framing.lengthField(0, Integer.BYTES))
                        .backlog(BACKLOG)
                        .onRequest(SlowReadersServer::echo)
                        .onError((connection, error) -> {})
                        .build()) {
            InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
            InetSocketAddress bound = (InetSocketAddress) server.listen(new InetSocketAddress(loopback, 0));
            System.out.println(bound.getPort());
            while (System.in.read() >= 0) {
                Runtime jvm = Runtime.getRuntime();
                System.out.println((dispatch == Dispatch.adaptive() ? server.dispatchStats() : args[1]) + ", "
                        + group.budgetStats() + ", " + BufferMemory.stats() + ", heap "
                        + (jvm.totalMemory() - jvm.freeMemory()) + " of " + jvm.totalMemory());
            }
        }
    }

    private static void echo(Connection connection) throws Exception {
        byte[] payload = connection.reader().readBytes(connection.reader().readInt());
        connection.writer().writeInt(payload.length).writeBytes(payload).flush();
    }
}
