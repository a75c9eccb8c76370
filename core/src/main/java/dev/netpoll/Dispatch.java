// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import dev.netpoll.internal.loop.Threads;
import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Who runs the callbacks of a connection. Immutable; shareable. */
public final class Dispatch {
    private static final Dispatch VIRTUAL = new Dispatch("virtual", Threads.virtualExecutor());
    private static final Dispatch INLINE = new Dispatch("inline", null);
    private static final Dispatch ADAPTIVE = new Dispatch("adaptive", VIRTUAL.executor);

    private final String name;
    private final @Nullable Executor executor;

    private Dispatch(String name, @Nullable Executor executor) {
        this.name = name;
        this.executor = executor;
    }

    /**
     * {@return the event loop while handlers prove short, virtual threads otherwise: the default} Handlers may block
     * and compute as they like, wherever they run.
     *
     * <p>Request handlers start out on virtual threads, which go from run to run. When their runs prove short, on
     * average below 20 µs, the event loop runs them itself, which saves the hand-off. A handler that then blocks or
     * computes for more than about a millisecond is relieved: another thread takes the loop over and serves the other
     * connections, the handler goes on undisturbed, and the handlers of this server or dialer run on virtual threads
     * again for a while, which doubles with each time. A call of this library that has to wait hands the loop over at
     * once. {@link Server#dispatchStats()} and the flight recorder's events {@code dev.netpoll.DispatchChange} and
     * {@code dev.netpoll.LoopRelief} tell what happened.
     *
     * <p>Threads are used for several runs, so do not leave values in a {@link ThreadLocal}. Other callbacks than
     * request handlers run on virtual threads of their own.
     */
    public static Dispatch adaptive() {
        return ADAPTIVE;
    }

    /** {@return a virtual thread for each run: handlers may block as they like} */
    public static Dispatch virtual() {
        return VIRTUAL;
    }

    /**
     * {@return the event loop itself, for handlers that are short and never block: the fastest} A slow handler holds up
     * every connection of the loop. A call of this library that would have to wait throws
     * {@link IllegalStateException}.
     */
    public static Dispatch inline() {
        return INLINE;
    }

    /**
     * {@return an executor of the caller's} A run that it rejects closes the connection; what else it rejects, the
     * error handler and close callbacks, runs on a virtual thread.
     *
     * @param executor must not run tasks on the calling thread, which is an event loop: there, a call that would have
     *     to wait throws {@link IllegalStateException}
     */
    public static Dispatch executor(Executor executor) {
        return new Dispatch("executor", Objects.requireNonNull(executor, "executor"));
    }

    /** {@return the executor, or null to run on the event loop} */
    @Nullable
    Executor executorOrNull() {
        return executor;
    }

    boolean isAdaptive() {
        return this == ADAPTIVE;
    }

    /** {@return {@code adaptive}, {@code virtual}, {@code inline} or {@code executor}} */
    @Override
    public String toString() {
        return name;
    }
}
