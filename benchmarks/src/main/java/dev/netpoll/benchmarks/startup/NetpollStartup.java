// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.startup;

import dev.netpoll.Backend;
import dev.netpoll.Dispatch;
import dev.netpoll.EventLoopGroup;
import dev.netpoll.Server;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Our server with adaptive dispatch. */
final class NetpollStartup {
    private NetpollStartup() {}

    /** {@code <backend> <port>}. */
    public static void main(String[] args) throws Exception {
        Server.builder()
                .group(EventLoopGroup.builder().backend(Backend.of(args[0])).build())
                .dispatch(Dispatch.adaptive())
                .onPrepare(_ -> Accepted.now())
                .onRequest(connection -> connection
                        .writer()
                        .writeBytes(connection.reader().next(Accepted.MESSAGE_BYTES))
                        .flush())
                .build()
                .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[1])));
        Accepted.tell();
    }
}
