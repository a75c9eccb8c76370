// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.internal.base.StackRoom;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The end of a connection, and its close callbacks: a stack that is taken once. {@link Ending} holds the top. Any
 * thread. A callback is either on the stack that {@link #take} returns, or {@link #add} refuses it: none is lost and
 * none runs twice.
 *
 * <p>After ENDED the connection frees what it holds, then calls its close callbacks, once. If memory or stack runs out,
 * no callback has been called yet, and the loop tries again; nothing is freed twice.
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
    private static boolean endIfNone(Ending holder) {
        return TOP.compareAndSet(holder, null, TAKEN);
    }

    /** The calling thread has set ENDED. */
    static void comeToEnd(Ending connection) {
        try {
            tryToEnd(connection);
        } catch (OutOfMemoryError | StackOverflowError e) {
            if (connection.loop().isRunning()) {
                connection.add(ConnectionState.END_FAILED);
                connection.signal();
            } else {
                tellEnd(connection);
            }
        }
    }

    /** <i>Loop</i>, if END_FAILED is set. Throws if the loop must call it again. */
    static void comeToEndAgain(Ending connection) {
        connection.remove(ConnectionState.END_FAILED);
        try {
            tryToEnd(connection);
        } catch (OutOfMemoryError | StackOverflowError e) {
            connection.add(ConnectionState.END_FAILED);
            throw e;
        }
    }

    private static void tryToEnd(Ending connection) {
        boolean lacking = false;
        try {
            StackRoom.needMuch();
            connection.inbound.detachRetained();
            connection.inbound.end();
            connection.outbound.end();
            connection.outbound.leaveToCollector();
        } catch (OutOfMemoryError | StackOverflowError e) {
            lacking = true;
            throw e;
        } finally {
            if (!lacking) {
                tellEnd(connection);
            }
        }
    }

    /** Allocates nothing. */
    private static void tellEnd(Ending connection) {
        if (endIfNone(connection)) {
            connection.config().ended().run();
        } else {
            CallbackRunner.handOut(connection, ConnectionState.HANDED_END);
        }
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
