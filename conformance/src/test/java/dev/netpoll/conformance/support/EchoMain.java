// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Backend;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** An echo server in a process of its own: prints its port, and serves until it is killed. */
public final class EchoMain {
    private EchoMain() {}

    /** Takes the name of the backend. */
    public static void main(String[] args) throws Exception {
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(Backend.of(args[0]))
                        .loops(1)
                        .build();
                Server server =
                        Server.builder().group(group).onRequest(Handlers.echo()).build()) {
            InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
            InetSocketAddress bound = (InetSocketAddress) server.listen(new InetSocketAddress(loopback, 0));
            System.out.println(bound.getPort());
            server.awaitShutdown();
        }
    }
}
