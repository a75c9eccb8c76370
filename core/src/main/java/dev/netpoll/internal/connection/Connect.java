// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.transport.Errno;
import java.net.SocketAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;

/**
 * Connects one connection, whose socket was opened, and starts it before anybody can use it.
 *
 * <p><b>Threads.</b> {@link #begin} and what follows: the thread that dials. The rest: the loop.
 *
 * <p>The loop completes the outcome, or the dialing thread cancels it: the first of them decides. So the loop closes a
 * connection that is established too late, and one that came in time is the dialing thread's.
 */
public final class Connect implements Lifecycle.ConnectEvents {
    /** The outcome of a connect after which onPrepare closed the connection; no error number is negative. */
    private static final int REJECTED = -1;

    private final SocketConnection connection;
    private final SocketAddress remote;
    private final CompletableFuture<Integer> outcome = new CompletableFuture<>();

    private Connect(SocketConnection connection, SocketAddress remote) {
        this.connection = connection;
        this.remote = remote;
    }

    /**
     * Lets the loop begin to connect a connection that nobody else knows. If this throws, the connection has ended.
     *
     * @throws IllegalStateException if the loop has ended
     */
    public static Connect begin(SocketConnection connection, SocketAddress remote) {
        boolean begun = false;
        try {
            Connect connect = new Connect(connection, remote);
            connection.loop().execute(connect::connectOnLoop);
            begun = true;
            return connect;
        } catch (RejectedExecutionException e) {
            throw new IllegalStateException("the event loop group is closed", e);
        } finally {
            if (!begun) {
                connection.endBeforeStart();
            }
        }
    }

    /** {@return the outcome: 0 for success, or an error number} What has failed on the loop completes it as well. */
    public CompletableFuture<Integer> outcome() {
        return outcome;
    }

    /** {@return whether {@code errno} says that {@code onPrepare} failed or closed the connection} */
    public static boolean isRejected(int errno) {
        return errno == REJECTED;
    }

    /** {@return what says so} */
    public ConnectionClosedException rejection() {
        return ConnectionErrors.closed(connection, "connect");
    }

    /** Nobody waits any more; {@return false if the outcome came before} It ends the connection unless that is so. */
    public boolean abandon() {
        boolean abandoned = outcome.cancel(false) || outcome.isCompletedExceptionally();
        if (abandoned) {
            connection.abort();
        }
        return abandoned;
    }

    private void connectOnLoop() {
        try {
            EventLoop loop = connection.loop();
            // The loop has ended, or ends and evicts nobody who comes now; or nobody waits any more.
            if (!loop.inLoop() || !loop.isRunning() || connection.has(ConnectionState.CLOSING)) {
                connection.endBeforeStart();
                outcome.complete(Errno.ECONNABORTED);
                return;
            }
            loop.add(connection);
            connection.add(ConnectionState.LIVE);
            connection.connect(remote, this);
        } catch (Throwable t) {
            connection.closeFor(EndReason.CONNECT_FAILED, true);
            if (!connection.has(ConnectionState.LIVE)) { // then that was only a wish
                connection.endBeforeStart();
            }
            outcome.completeExceptionally(t);
        }
    }

    @Override
    public void connected(int errno) {
        if (errno != 0) {
            finish(errno);
            return;
        }
        try { // it starts before anybody can use it
            connection.startDialed(failure -> finish(failure == Errno.ECONNABORTED ? REJECTED : failure));
        } catch (Throwable t) {
            outcome.completeExceptionally(t);
            connection.startFailed(t);
        }
    }

    private void finish(int errno) {
        if (!outcome.complete(errno) || errno != 0) {
            connection.closeFor(EndReason.CONNECT_FAILED, false);
        }
        connection.loop().hasWoken(); // who dials
    }
}
