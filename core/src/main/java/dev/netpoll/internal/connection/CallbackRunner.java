// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionHandler;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/** Runs a connection's callbacks where its dispatch says, and keeps what they throw from doing harm. Any thread. */
final class CallbackRunner {
    private static final System.Logger LOG = System.getLogger("dev.netpoll");

    private final SocketConnection connection;

    CallbackRunner(SocketConnection connection) {
        this.connection = connection;
    }

    /** Calls a callback; whatever it throws is reported once and closes the connection. */
    void call(ConnectionHandler callback) {
        try {
            callback.handle(connection);
        } catch (Throwable t) { // also errors: user code costs its own connection only
            report(t);
            connection.closeFor("a callback failed", false);
        }
    }

    /** Tells the error handler. */
    void report(Throwable error) {
        try {
            connection.config().error().onError(connection, error);
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.WARNING, "the error handler failed", e);
        }
    }

    /** Runs a task where the callbacks run. */
    void dispatch(Runnable task) {
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
        } catch (RejectedExecutionException e) {
            report(e);
            connection.closeFor("the executor rejected a callback", false);
            Thread.startVirtualThread(task); // finds the connection closing, and tidies up
        }
    }
}
