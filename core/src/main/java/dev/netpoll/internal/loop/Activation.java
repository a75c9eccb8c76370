// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import org.jspecify.annotations.Nullable;

/** A run of user code that has become due on a loop. */
public interface Activation extends Runnable {
    /** <i>Loop.</i> {@return whether the loop runs this itself; else a worker thread does} */
    boolean isInline();

    /** Runs, on the loop's or any other thread. Must not throw. */
    @Override
    default void run() {
        run(null);
    }

    /** Runs, with the calling thread's spares if it has any. Should not throw; if it does, {@link #failed} follows. */
    void run(@Nullable Spares spares);

    /**
     * The run has thrown, or there was no memory to start it: it is over, and its owner must give up. Any thread; does
     * nothing by default.
     */
    default void failed(Throwable cause) {}

    /**
     * The user code is about to wait, on the thread that runs it.
     *
     * @return whether it did anything; false by default
     */
    default boolean beforeBlocking() {
        return false;
    }

    /**
     * Another driver has taken the loop from this user code, which continues outside of it. Any thread.
     *
     * @param cause why
     */
    void relieved(Relief cause);
}
