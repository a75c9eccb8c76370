// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.benchmarks.rpc.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;

/** A peer's server. Once started it runs until the process ends. */
@FunctionalInterface
interface EchoServer {
    /** Asks the kernel for the longest queue of connections that it allows. */
    int BACKLOG = 1 << 16;

    /**
     * Starts to listen.
     *
     * @param address where; port 0 is any free one
     * @param payloadBytesMax a longer frame closes its connection
     * @return the port
     * @throws UnsupportedOperationException if the peer cannot run here; the message says why
     */
    int start(InetSocketAddress address, int payloadBytesMax) throws IOException;

    /** {@return what the library counts, by name; empty if it counts nothing} */
    default Map<String, Long> counters() {
        return Map.of();
    }

    /** {@return the loopback address with this port} */
    static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }
}
