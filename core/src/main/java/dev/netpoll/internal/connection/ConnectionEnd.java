// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.END_FAILED;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_END;

import dev.netpoll.internal.base.StackRoom;

/**
 * What follows ENDED, once: what the connection holds is freed, then its close callbacks are told. If memory or stack
 * do not suffice, nothing is told yet, and the loop does it again; what is freed by then is not freed twice.
 */
final class ConnectionEnd {
    private ConnectionEnd() {}

    /** Whoever has set ENDED calls it. Any thread. */
    static void come(Lifecycle connection) {
        try {
            attempt(connection);
        } catch (OutOfMemoryError | StackOverflowError e) {
            if (connection.loop().isRunning()) {
                connection.add(END_FAILED);
                connection.signal();
            } else {
                tell(connection);
            }
        }
    }

    /** <i>Loop</i>, if END_FAILED is set. Throws if it has to be called once more. */
    static void comeAgain(Lifecycle connection) {
        connection.remove(END_FAILED);
        try {
            attempt(connection);
        } catch (OutOfMemoryError | StackOverflowError e) {
            connection.add(END_FAILED);
            throw e;
        }
    }

    private static void attempt(Lifecycle connection) {
        boolean lacking = false;
        try {
            StackRoom.needMuch();
            connection.inbound().detachRetained();
            connection.inbound().end();
            connection.outbound().end();
            connection.outbound().leaveToCollector();
        } catch (OutOfMemoryError | StackOverflowError e) {
            lacking = true;
            throw e;
        } finally {
            if (!lacking) {
                tell(connection);
            }
        }
    }

    /** Allocates nothing. */
    private static void tell(Lifecycle connection) {
        if (CloseCallbacks.endIfNone(connection)) {
            connection.config().ended().run();
        } else {
            CallbackRunner.handOut(connection, HANDED_END);
        }
    }
}
