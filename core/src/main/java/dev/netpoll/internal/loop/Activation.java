// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.loop;

import org.jspecify.annotations.Nullable;

/** A run of user code that has become due on a loop. */
public interface Activation extends Runnable {
    /** <i>Loop.</i> {@return whether the loop runs it itself; else a worker thread does} */
    boolean isInline();

    /** Runs, on the loop's or any other thread. Must not throw. */
    @Override
    default void run() {
        run(null);
    }

    /**
     * Runs with what the calling thread keeps for one run after the other, if it does. Should not throw; if it does,
     * {@link #failed} follows.
     */
    void run(@Nullable Spares spares);

    /**
     * The run has thrown, or there was no memory to start it: it is over, and what it is for has to be given up. Any
     * thread; by default nothing happens.
     */
    default void failed(Throwable cause) {}

    /**
     * The user code is about to wait, on the thread that runs it.
     *
     * @return whether there was anything to do before; by default there is not
     */
    default boolean beforeBlocking() {
        return false;
    }

    /**
     * User code that ran on a loop has been relieved of it, and goes on beside it. Any thread.
     *
     * @param cause why
     */
    void relieved(Relief cause);
}
