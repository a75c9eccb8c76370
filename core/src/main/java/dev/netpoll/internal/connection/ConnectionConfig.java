// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import dev.netpoll.ConnectionHandler;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.Dispatch;
import dev.netpoll.ErrorHandler;
import dev.netpoll.Framing;
import dev.netpoll.Protocol;
import dev.netpoll.internal.base.Classes;
import dev.netpoll.internal.base.RateLimit;
import dev.netpoll.internal.loop.Threads;
import dev.netpoll.internal.transport.Crash;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.SocketOptions;
import dev.netpoll.internal.transport.Starvation;
import java.lang.invoke.MethodHandles;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The configuration that all connections of one server or dialer share, derived from their protocol.
 *
 * <p>Immutable, except that {@link #pace} learns and the owner announces its shutdown in {@link #ending}. Any thread.
 */
public final class ConnectionConfig {
    private final Protocol protocol;
    private final ConnectionOptions options; // cached from the protocol: every request reads them
    private final @Nullable Executor executor;
    private final @Nullable Pace pace;
    private final @Nullable FrameLayout frames;
    private final boolean unowned;
    private final Shutdown ending;
    private final Runnable ended;

    /** For dialed and adopted connections: their caller closes them. */
    public ConnectionConfig(Protocol protocol) {
        this(protocol, false, new Shutdown(), () -> {});
    }

    /**
     * For the connections of one owner.
     *
     * @param unowned whether only the library knows the connections, so that they close themselves when the peer has
     *     finished, even without a handler
     * @param ending whether the owner is shutting down
     * @param ended called once per connection when its close callbacks have run
     */
    public ConnectionConfig(Protocol protocol, boolean unowned, Shutdown ending, Runnable ended) {
        this(protocol, protocol.dispatch() instanceof Dispatch.Adaptive ? new Pace() : null, unowned, ending, ended);
    }

    /** For tests: with another pace. */
    ConnectionConfig(Protocol protocol, @Nullable Pace pace, boolean unowned, Shutdown ending, Runnable ended) {
        this.protocol = protocol;
        this.options = protocol.options();
        this.executor = switch (protocol.dispatch()) {
            case Dispatch.Inline() -> null;
            case Dispatch.Adaptive(), Dispatch.Virtual() -> Threads.virtualExecutor();
            case Dispatch.Executor(Executor own) -> own;
        };
        this.pace = pace;
        this.unowned = unowned;
        this.ending = ending;
        this.ended = ended;
        Framing framing = protocol.framing();
        frames = framing == null ? null : new FrameLayout(framing, options);
    }

    static {
        Classes.initialize(
                MethodHandles.lookup(),
                SocketConnection.class,
                Inbound.class,
                Outbound.class,
                Inbox.class,
                Delivery.class,
                SendRole.class,
                LoopSend.class,
                KeptAnswers.class,
                FlushWait.class,
                Due.class,
                Runs.class,
                Ending.class,
                Shutdown.class,
                Lifecycle.class,
                CallbackRunner.class,
                CloseCallbacks.class,
                ConnectionTimer.class,
                ConnectionErrors.class,
                Detachment.class,
                Connect.class,
                DispatchEvents.class,
                EndReason.class,
                FrameLayout.class, // the compiler inlines no method whose types it does not know
                Goodbye.class,
                Pace.class,
                Retained.class,
                Retained.Kept.class,
                Share.class,
                Share.Waiter.class,
                SocketSetup.class,
                SocketOptions.class,
                StandardSocketOptions.class,
                SendQueue.class,
                RateLimit.class,
                Starvation.class,
                Crash.class,
                Errno.class);
    }

    /** {@return the callback that runs first, or null} */
    @Nullable
    ConnectionHandler prepare() {
        return protocol.onPrepare();
    }

    /** {@return the callback for a connection that is ready, or null} */
    @Nullable
    ConnectionHandler connect() {
        return protocol.onConnect();
    }

    /** {@return the request handler that connections begin with, or null} */
    @Nullable
    ConnectionHandler request() {
        return protocol.onRequest();
    }

    /** {@return the callback for the end of the peer's bytes, or null} */
    @Nullable
    ConnectionHandler inputEnd() {
        return protocol.onInputEnd();
    }

    /** {@return the callback for the peer's end, or null} */
    @Nullable
    ConnectionHandler disconnect() {
        return protocol.onDisconnect();
    }

    /** {@return the handler of exceptions that callbacks throw} */
    ErrorHandler error() {
        return protocol.onError();
    }

    /** {@return limits and time-outs} */
    public ConnectionOptions options() {
        return options;
    }

    /** {@return the executor of the callbacks, or null if the event loop runs them} */
    @Nullable
    Executor executor() {
        return executor;
    }

    /** {@return the pace that decides who runs the request handler, or null if it is always the executor} */
    public @Nullable Pace pace() {
        return pace;
    }

    /** {@return the layout of frames, or null if the request handler finds their ends itself} */
    @Nullable
    FrameLayout frames() {
        return frames;
    }

    boolean unowned() {
        return unowned;
    }

    Shutdown ending() {
        return ending;
    }

    /** {@return what to call once per connection when its close callbacks have run} */
    public Runnable ended() {
        return ended;
    }

    /**
     * Whether the owner is shutting down, so that connections that register meanwhile notice. The owner sets it, then
     * notifies the registered connections; a connection registers, then checks it.
     */
    public static final class Shutdown {
        private volatile boolean draining;
        private volatile boolean forced;

        /** From now on connections close when they are idle. */
        public void drain() {
            draining = true;
        }

        /** From now on connections close at once. */
        public void force() {
            forced = true;
        }

        void apply(Lifecycle connection) {
            if (forced) {
                connection.shutDown(false);
            } else if (draining) {
                connection.drain();
            }
        }
    }

    /** Stands for "no time-out" and "no deadline" in fields that hold nanoseconds. */
    public static final long NEVER = Long.MAX_VALUE;

    /** {@return whether callbacks run on the event loop} */
    boolean inline() {
        return executor == null;
    }

    /** {@return the duration in nanoseconds; {@link #NEVER} from 146 years on, and never less than minus 146 years} */
    public static long nanos(Duration duration) {
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
