// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.DISCONNECTED;
import static dev.netpoll.internal.connection.ConnectionState.DISCONNECTING;
import static dev.netpoll.internal.connection.ConnectionState.ENDED;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_GOODBYE;
import static dev.netpoll.internal.connection.ConnectionState.PEER_ENDED;
import static dev.netpoll.internal.connection.ConnectionState.READY;
import static dev.netpoll.internal.connection.ConnectionState.RUNNING;
import static dev.netpoll.internal.connection.ConnectionState.SEND_REFUSED;

import dev.netpoll.ConnectionHandler;

/** Calls onDisconnect, once, if the peer ends the stream before the connection is over. */
final class Goodbye {
    private Goodbye() {}

    static boolean isDue(Runs connection, int state) {
        return connection.config().disconnect() != null
                && (state & (PEER_ENDED | SEND_REFUSED)) != 0
                && (state & (READY | DISCONNECTED)) == READY;
    }

    /** Dispatches onDisconnect to where callbacks run, if it is due. */
    static void say(Runs connection) {
        if (isDue(connection, connection.state())
                && connection.add(DISCONNECTED | DISCONNECTING, DISCONNECTED | ENDED)) {
            CallbackRunner.handOut(connection, HANDED_GOODBYE);
        }
    }

    /** Runs the dispatched callback. */
    static void call(Runs connection) {
        try {
            ConnectionHandler disconnect = connection.config().disconnect();
            if (disconnect != null) {
                CallbackRunner.call(connection, disconnect);
            }
            if (!connection.has(RUNNING)) {
                Exception _ = connection.outbound().flushAtEnd(); // the peer is gone, most likely
            }
        } finally {
            connection.remove(DISCONNECTING);
            connection.settle();
        }
    }
}
