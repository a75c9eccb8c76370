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
 * Connects one connection whose socket is open, and starts it before anybody can use it.
 *
 * <p><b>Threads.</b> {@link #begin} and what follows: the thread that dials. The rest: the loop.
 *
 * <p>The loop completes the outcome or the dialing thread cancels it; the first of them decides. So the loop closes a
 * connection that is established too late; one established in time belongs to the dialing thread.
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
     * Asks the loop to connect a connection that nobody else knows. If this throws, the connection has ended.
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

    /** {@return the outcome: 0 for success, or an error number} A failure on the loop completes it exceptionally. */
    public CompletableFuture<Integer> outcome() {
        return outcome;
    }

    /** {@return whether {@code errno} says that {@code onPrepare} failed or closed the connection} */
    public static boolean isRejected(int errno) {
        return errno == REJECTED;
    }

    /** {@return the exception for a rejected connection} */
    public ConnectionClosedException rejection() {
        return ConnectionErrors.closed(connection, "connect");
    }

    /** The dialing thread stops waiting: aborts the connection. {@return false if the outcome came first} */
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
            // The loop has ended, or is ending and would not evict a newcomer; or the dialing thread stopped waiting.
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
            if (!connection.has(ConnectionState.LIVE)) { // then closeFor only asked for it
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
        try { // start it before anybody can use it
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
        connection.loop().hasWoken(); // the dialing thread
    }
}
