// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.conformance.support;

import dev.netpoll.Backend;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Framing;
import dev.netpoll.Server;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** An echo server in a process of its own: prints its port, and serves until it is killed. */
public final class EchoMain {
    /** As a second argument: requests are frames, with their length in the first four bytes. */
    public static final String FRAMED = "framed";

    private EchoMain() {}

    /** Takes the name of the backend. */
    public static void main(String[] args) throws Exception {
        try (EventLoopGroup group = EventLoopGroup.builder()
                        .backend(Backend.of(args[0]))
                        .loops(1)
                        .build();
                Server server =
                        server(args).group(group).onRequest(Handlers.echo()).build()) {
            InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
            InetSocketAddress bound = (InetSocketAddress) server.listen(new InetSocketAddress(loopback, 0));
            System.out.println(bound.getPort());
            server.awaitShutdown();
        }
    }

    private static Server.Builder server(String[] args) {
        Server.Builder builder = Server.builder();
        return args.length > 1 && args[1].equals(FRAMED) ? builder.framing(Framing.lengthField(0, 4)) : builder;
    }
}
