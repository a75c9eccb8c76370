// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.util.Objects;

/** Who runs the callbacks of a connection. Immutable; shareable. */
public sealed interface Dispatch {
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
    static Dispatch adaptive() {
        return Adaptive.INSTANCE;
    }

    /** {@return a virtual thread for each run: handlers may block as they like} */
    static Dispatch virtual() {
        return Virtual.INSTANCE;
    }

    /**
     * {@return the event loop itself, for handlers that are short and never block: the fastest} A slow handler holds up
     * every connection of the loop. A call of this library that would have to wait throws
     * {@link IllegalStateException}.
     */
    static Dispatch inline() {
        return Inline.INSTANCE;
    }

    /**
     * {@return an executor of the caller's} A run that it rejects closes the connection; what else it rejects, the
     * error handler and close callbacks, runs on a virtual thread.
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
