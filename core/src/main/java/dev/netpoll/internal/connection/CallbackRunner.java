// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.internal.loop.Threads;
import java.util.concurrent.Executor;

/** Runs a connection's callbacks where its dispatch says, and keeps what they throw from doing harm. Any thread. */
final class CallbackRunner {
    private CallbackRunner() {}

    /** Calls a callback; whatever it throws is reported once and closes the connection. */
    static void call(SocketConnection connection, ConnectionHandler callback) {
        try {
            callback.handle(connection);
        } catch (Throwable t) { // also errors: user code costs its own connection only
            report(connection, t);
            connection.closeFor("a callback failed", false);
        }
    }

    /** Tells the error handler. */
    static void report(SocketConnection connection, Throwable error) {
        try {
            connection.config().error().onError(connection, error);
        } catch (Throwable e) { // also checked ones, which other languages throw freely
            System.getLogger("dev.netpoll").log(System.Logger.Level.WARNING, "the error handler failed", e);
        }
    }

    /** Runs a task where the callbacks run. */
    static void dispatch(SocketConnection connection, Runnable task) {
        Executor executor = connection.config().executor();
        if (executor == null) {
            if (connection.inLoop()) {
                task.run();
            } else {
                connection.onLoop(task);
            }
            return;
        }
        try {
            executor.execute(task);
            connection.loop().hasWoken();
        } catch (RuntimeException | Error e) { // rejected, or no memory for a thread
            report(connection, e);
            connection.closeFor("the executor rejected a callback", false);
            Threads.startVirtual("netpoll-closing", task); // finds the connection closing, and tidies up
        }
    }
}
