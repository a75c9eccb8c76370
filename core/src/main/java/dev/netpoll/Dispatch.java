// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.util.Objects;

/**
 * Selects the threads that run the callbacks of a connection. Immutable; shareable.
 *
 * @since 0.1
 */
public sealed interface Dispatch {
    /**
     * {@return the event loop while handlers prove short, virtual threads otherwise: the default} Handlers may block
     * freely on either. Those that compute for long, as many as there are processors, keep the carriers of virtual
     * threads from the others for up to some seconds: see {@link #virtual()}.
     *
     * <p>Request handlers start on virtual threads, which serve run after run. When their runs prove short, on average
     * below 20 µs, the event loop runs them itself, which saves the hand-off. If a handler then blocks or computes for
     * more than about a millisecond, the library relieves it: another thread takes the loop over and serves the other
     * connections, and the handler continues undisturbed. If the library does so four times in a second, the handlers
     * of this server or dialer run on virtual threads for a while, which doubles each time; runs of a connection that
     * was slow by itself go there sooner. A call of this library that has to wait hands the loop over at once. {@link
     * Server#dispatchStats()} and the flight recorder's events {@code dev.netpoll.DispatchChange} and
     * {@code dev.netpoll.LoopRelief} report this.
     *
     * <p>Threads serve several runs, so do not leave values in a {@link ThreadLocal}. Each callback that is not a
     * request handler runs on a new virtual thread.
     */
    static Dispatch adaptive() {
        return Adaptive.INSTANCE;
    }

    /**
     * {@return a virtual thread for each run: handlers may block as they like} Handlers that compute keep the carriers
     * of virtual threads, which event loops need, too: use an {@linkplain #executor executor} of platform threads, or a
     * group with {@linkplain EventLoopGroup.Builder#platformThreads platform threads}.
     */
    static Dispatch virtual() {
        return Virtual.INSTANCE;
    }

    /**
     * {@return the event loop itself, for handlers that are short and never block: the fastest} A slow handler holds up
     * every connection of the loop. A call of this library that would have to wait throws {@link
     * IllegalStateException}.
     *
     * @implNote epoll and NIO send with each flush; io_uring gathers up to 32 KiB until all handlers of the loop's turn
     *     have run. See {@link Connection#isWritable}.
     */
    static Dispatch inline() {
        return Inline.INSTANCE;
    }

    /**
     * {@return the caller's executor} If it rejects a run, the library closes the connection. If it rejects the error
     * handler or a close callback, a virtual thread runs that.
     *
     * @param executor must not run tasks on the calling thread, which is an event loop: there, a call that would have
     *     to wait throws {@link IllegalStateException}
     */
    static Dispatch executor(java.util.concurrent.Executor executor) {
        return new Executor(executor);
    }

    /** What {@link Dispatch#adaptive()} returns. */
    record Adaptive() implements Dispatch {
        private static final Adaptive INSTANCE = new Adaptive();

        /** {@return {@code adaptive}} */
        @Override
        public String toString() {
            return "adaptive";
        }
    }

    /** What {@link Dispatch#virtual()} returns. */
    record Virtual() implements Dispatch {
        private static final Virtual INSTANCE = new Virtual();

        /** {@return {@code virtual}} */
        @Override
        public String toString() {
            return "virtual";
        }
    }

    /** What {@link Dispatch#inline()} returns. */
    record Inline() implements Dispatch {
        private static final Inline INSTANCE = new Inline();

        /** {@return {@code inline}} */
        @Override
        public String toString() {
            return "inline";
        }
    }

    /**
     * What {@link Dispatch#executor} returns.
     *
     * @param executor runs the callbacks
     */
    record Executor(java.util.concurrent.Executor executor) implements Dispatch {
        /** Refuses null. */
        public Executor {
            Objects.requireNonNull(executor, "executor");
        }

        /** {@return {@code executor}} */
        @Override
        public String toString() {
            return "executor";
        }
    }
}
