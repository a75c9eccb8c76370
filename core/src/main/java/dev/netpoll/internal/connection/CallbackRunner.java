// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.HANDED_END;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_GOODBYE;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_PREPARE;
import static dev.netpoll.internal.connection.ConnectionState.HANDED_RUN;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.internal.base.Log;
import dev.netpoll.internal.loop.Threads;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Runs a connection's callbacks where its dispatch says, and contains the exceptions they throw. Any thread.
 *
 * <p>The executor gets the connection itself as its task; a bit of the state word says what to call. Each thread that
 * runs the task takes one bit. So handing out allocates nothing here, and each callback runs once: an executor that
 * runs a task twice, or runs it and then throws, finds the bit taken.
 */
final class CallbackRunner {
    private static final int[] ORDER = {HANDED_PREPARE, HANDED_RUN, HANDED_GOODBYE, HANDED_END};

    private CallbackRunner() {}

    /** Calls a callback. An exception from it closes the connection and is reported once. */
    static void call(Runs connection, ConnectionHandler callback) {
        try {
            callback.handle(connection);
        } catch (Throwable t) { // errors too: user code costs only its own connection
            fail(connection, t);
        } finally {
            if (connection.config().inline() && connection.inLoop()) {
                boolean _ = Thread.interrupted(); // a status left behind is not for the handlers of other connections
            }
        }
    }

    /** A callback, or work done on its behalf, has failed. */
    static void fail(Runs connection, Throwable error) {
        end(connection, EndReason.CALLBACK_FAILED, error);
    }

    /** Closes the connection for a failure. Before that, the error handler may still answer the peer, or abort. */
    static void end(Runs connection, EndReason reason, Throwable error) {
        connection.noteEnd(reason);
        try {
            connection.outbound.dropPending(); // half an answer would come before that of the error handler
        } finally {
            try {
                report(connection, error);
            } finally {
                close(connection, reason);
            }
        }
    }

    private static void close(Runs connection, EndReason reason) {
        try {
            connection.outbound.dropPending(); // what the error handler has not flushed
        } finally {
            connection.closeFor(reason, false);
        }
    }

    /** Reports to the error handler on the calling thread. */
    static void report(Runs connection, Throwable error) {
        try {
            connection.config().error().onError(connection, error);
        } catch (Throwable again) {
            logFailure(again, error);
        }
    }

    private static void logFailure(Throwable ofHandler, Throwable told) {
        try {
            if (ofHandler != told) {
                ofHandler.addSuppressed(told);
            }
            log("the error handler failed", ofHandler);
        } catch (Throwable nothingHelps) {
            // logging comes last, so nothing is left undone
        }
    }

    /**
     * Reports to the error handler where callbacks run, as it is user code and the caller may be a loop. Never throws.
     */
    static void reportLater(Runs connection, Throwable error) {
        try {
            Executor executor = connection.config().executor();
            AtomicBoolean told = new AtomicBoolean();
            Runnable task = () -> {
                if (told.compareAndSet(false, true)) {
                    report(connection, error);
                }
            };
            if (executor != null) {
                hand(task, executor);
            } else {
                task.run();
            }
        } catch (Throwable again) {
            logUnreported(error);
        }
    }

    /** Runs a task on the executor, or on a new thread if the executor fails or is full, which peers can cause. */
    private static void hand(Runnable task, Executor executor) {
        try {
            executor.execute(task);
        } catch (Throwable refused) { // the task runs once, even if the executor has already run it
            Threads.startVirtual("netpoll-error-handler", task);
        }
    }

    private static void logUnreported(Throwable error) {
        try {
            log("a failure could not be reported to the error handler", error);
        } catch (Throwable nothingHelps) {
            // as above
        }
    }

    private static void log(String what, Throwable error) {
        Log.log(System.Logger.Level.WARNING, what, error);
    }

    /** Dispatches a call of {@link Lifecycle#perform} to where callbacks run. Never throws. */
    static void handOut(Runs connection, int what) {
        connection.add(what);
        Executor executor = connection.config().executor();
        try {
            if (executor != null) {
                executor.execute(connection);
                connection.loop().hasWoken();
            } else if (connection.inLoop()) {
                connection.run();
            } else {
                connection.onLoop(connection);
            }
        } catch (Throwable t) { // rejected, or no memory for a thread
            boolean done = false;
            try {
                refused(connection, what, t);
                done = true;
            } finally {
                if (!done) { // nor for that
                    connection.add(ConnectionState.HANDING_FAILED);
                    connection.signal();
                }
            }
        }
    }

    private static void refused(Runs connection, int what, Throwable why) {
        connection.closeFor(EndReason.REFUSED, false);
        if (connection.remove(what)) { // it has not run, and will not
            performElsewhere(connection, what, why);
        } else {
            reportLater(connection, why);
        }
    }

    /** <i>Loop.</i> Does what an executor rejected and an Error then prevented. */
    static void takeBack(Runs connection) {
        for (int what : ORDER) {
            if (connection.has(what)) {
                refused(connection, what, new RejectedExecutionException(EndReason.REFUSED.text));
            }
        }
    }

    /** A thread runs the task: takes one bit, and does its work. */
    static void take(Runs connection) {
        for (int what : ORDER) {
            if (connection.remove(what)) {
                perform(connection, what);
                return;
            }
        }
    }

    private static void perform(Runs connection, int what) {
        try {
            connection.perform(what);
        } catch (Throwable t) { // an internal failure: exceptions of user code are caught above
            connection.fault(t);
        }
    }

    /** Runs it on a new thread, or on this one if there is no thread or memory to be had: clean-up must not be lost. */
    private static void performElsewhere(Runs connection, int what, Throwable why) {
        AtomicBoolean done = null;
        try {
            AtomicBoolean once = new AtomicBoolean();
            done = once;
            Threads.startVirtual("netpoll-closing", () -> {
                if (once.compareAndSet(false, true)) {
                    perform(connection, what);
                    report(connection, why);
                }
            });
        } catch (Throwable t) {
            if (done == null || done.compareAndSet(false, true)) {
                perform(connection, what);
                report(connection, why);
            }
        }
    }
}
