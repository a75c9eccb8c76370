// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionHandler;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The close callbacks of a connection: a stack that is taken once. {@link Ending} holds the top. Any thread. A callback
 * is either on the stack that {@link #take} returns, or {@link #add} refuses it: none is lost and none runs twice.
 *
 * @param callback the one added last
 * @param next those added before it
 */
record CloseCallbacks(ConnectionHandler callback, @Nullable CloseCallbacks next) {
    private static final CloseCallbacks TAKEN = new CloseCallbacks(connection -> {}, null);

    /** Not a VarHandle: its first use at a call site allocates, and the end must not. */
    private static final AtomicReferenceFieldUpdater<Ending, CloseCallbacks> TOP =
            AtomicReferenceFieldUpdater.newUpdater(Ending.class, CloseCallbacks.class, "closeCallbacks");

    /** Adds a callback; {@return whether it will run, false if the stack was taken already} */
    static boolean add(Ending holder, ConnectionHandler callback) {
        for (; ; ) {
            CloseCallbacks top = holder.closeCallbacks;
            if (top == TAKEN) {
                return false;
            }
            if (TOP.compareAndSet(holder, top, new CloseCallbacks(callback, top))) {
                return true;
            }
        }
    }

    /** Refuses callbacks from now on if there are none; {@return whether that is so} */
    static boolean endIfNone(Ending holder) {
        return TOP.compareAndSet(holder, null, TAKEN);
    }

    /** Takes the callbacks and calls them, the last added first; then the connection has ended. Once. */
    static void callAll(Ending connection) {
        try {
            for (CloseCallbacks e = take(connection); e != null; e = e.next()) {
                CallbackRunner.call(connection, e.callback());
            }
        } finally {
            connection.config().ended().run();
        }
    }

    private static @Nullable CloseCallbacks take(Ending holder) {
        return TOP.getAndSet(holder, TAKEN);
    }
}
