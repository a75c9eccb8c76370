// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.testkit.internal;

import java.net.InetSocketAddress;

/** The identity of one end of a connection: its address and its peer's. */
record Ends(InetSocketAddress local, InetSocketAddress remote) {
    /** {@return the same connection, seen from the other end} */
    Ends reversed() {
        return new Ends(remote, local);
    }
}
