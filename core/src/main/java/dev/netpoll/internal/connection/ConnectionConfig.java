// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.ErrorHandler;
import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.poll.Crash;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.SendQueue;
import dev.netpoll.internal.poll.SocketOptions;
import dev.netpoll.internal.poll.Starvation;
import java.lang.invoke.MethodHandles;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What all connections of one server or dialer share.
 *
 * @param prepare callback, or null
 * @param connect callback, or null
 * @param request callback, or null
 * @param disconnect callback, or null
 * @param error told of what callbacks throw
 * @param executor runs the callbacks, or null to run them on the event loop
 * @param pace decides who runs the request handler, or null if the executor does in any case
 * @param options limits and time-outs
 * @param unowned whether nobody but the library knows the connections, so that they close themselves when the peer has
 *     finished, though no handler was set
 * @param ending whether the owner is shutting down
 * @param ended called once per connection when its close callbacks have run
 * @param frames where the frames for the request handler end, or null if it finds that out itself
 */
public record ConnectionConfig(
        @Nullable ConnectionHandler prepare,
        @Nullable ConnectionHandler connect,
        @Nullable ConnectionHandler request,
        @Nullable ConnectionHandler disconnect,
        ErrorHandler error,
        @Nullable Executor executor,
        @Nullable Pace pace,
        ConnectionOptions options,
        boolean unowned,
        Ending ending,
        Runnable ended,
        @Nullable FrameLayout frames) {

    static {
        Classes.initialize(
                MethodHandles.lookup(),
                SocketConnection.class,
                Inbound.class,
                Outbound.class,
                Inbox.class,
                Lifecycle.class,
                CallbackRunner.class,
                CloseCallbacks.class,
                ConnectionTimer.class,
                ConnectionEnd.class,
                ConnectionErrors.class,
                Detachment.class,
                AcceptorStart.class,
                DialAttempt.class,
                DispatchEvents.class,
                EndReason.class,
                Goodbye.class,
                Orphans.class,
                Pace.class,
                Retained.class,
                Retained.Kept.class,
                Share.class,
                Share.Waiter.class,
                SocketSetup.class,
                SocketOptions.class,
                StandardSocketOptions.class,
                SendQueue.class,
                Starvation.class,
                Crash.class,
                Errno.class);
    }

    /** What connections without framing share. */
    public ConnectionConfig(
            @Nullable ConnectionHandler prepare,
            @Nullable ConnectionHandler connect,
            @Nullable ConnectionHandler request,
            @Nullable ConnectionHandler disconnect,
            ErrorHandler error,
            @Nullable Executor executor,
            @Nullable Pace pace,
            ConnectionOptions options,
            boolean unowned,
            Ending ending,
            Runnable ended) {
        this(prepare, connect, request, disconnect, error, executor, pace, options, unowned, ending, ended, null);
    }

    /**
     * Whether the owner is shutting down: connections that register meanwhile must learn of it. The owner sets it, then
     * tells the connections that are registered; a connection registers, then looks at it.
     */
    public static final class Ending {
        private volatile boolean draining;
        private volatile boolean forced;

        /** Says that connections are to end when they are idle. */
        public void drain() {
            draining = true;
        }

        /** Says that connections are to end now. */
        public void force() {
            forced = true;
        }

        void apply(SocketConnection connection) {
            if (forced) {
                connection.close();
            } else if (draining) {
                connection.lifecycle().drain();
            }
        }
    }

    /** Stands for "no time-out" and "no deadline" in fields that hold nanoseconds. */
    static final long NEVER = Long.MAX_VALUE;

    /** {@return whether callbacks run on the event loop} */
    boolean inline() {
        return executor == null;
    }

    /** {@return the duration in nanoseconds; {@link #NEVER} from 146 years on, and no less than minus 146 years} */
    static long nanos(Duration duration) {
        long limit = (NEVER / 2) / 1_000_000_000L;
        if (duration.toSeconds() >= limit) {
            return NEVER;
        }
        return duration.toSeconds() <= -limit ? -NEVER / 2 : duration.toNanos();
    }

    /** {@return the time-out, if it is positive} */
    static Duration positive(Duration timeout) {
        if (timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException(
                    "a time-out must be positive: " + timeout + "; Connection.NO_TIMEOUT means none");
        }
        return timeout;
    }
}
