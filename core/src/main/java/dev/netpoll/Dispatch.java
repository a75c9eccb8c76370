// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll;

import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Who runs the callbacks of a connection. Immutable; shareable. */
public final class Dispatch {
    private static final Dispatch VIRTUAL = new Dispatch("virtual", task -> Thread.startVirtualThread(task));
    private static final Dispatch INLINE = new Dispatch("inline", null);

    private final String name;
    private final @Nullable Executor executor;

    private Dispatch(String name, @Nullable Executor executor) {
        this.name = name;
        this.executor = executor;
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
     * {@return an executor of the caller's} A run that it rejects closes the connection.
     *
     * @param executor must not run tasks on the calling thread, which is an event loop
     */
    public static Dispatch executor(Executor executor) {
        return new Dispatch("executor", Objects.requireNonNull(executor, "executor"));
    }

    /** {@return the executor, or null to run on the event loop} */
    @Nullable
    Executor executorOrNull() {
        return executor;
    }

    /** {@return {@code virtual}, {@code inline} or {@code executor}} */
    @Override
    public String toString() {
        return name;
    }
}
