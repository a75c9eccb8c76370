// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.Connection;
import dev.netpoll.internal.loop.EventLoop;
import java.util.function.IntSupplier;

/** Looks at how many connections count for the balance of the loops. */
public final class Balance {
    private Balance() {}

    /** {@return tells how many connections are assigned to this one's loop; keeps the loop alone reachable} */
    public static IntSupplier of(Connection connection) {
        EventLoop loop = ((SocketConnection) connection).loop();
        return loop::assigned;
    }
}
