// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;

/**
 * Waits on behalf of pollers whose loops rest without a thread, all of them in one system call.
 *
 * <p><b>Place.</b> Opened from a {@link Mechanism} by the supervisor of a group of loops.
 *
 * <p><b>Threads.</b> {@link #await}, {@link #ready}, {@code cpuNanos} and {@link #close} one thread; the others any.
 */
public interface PollerWatch extends AutoCloseable {
    /** Adds a poller, to be told of by {@code key}; it is not watched before {@link #arm}. */
    void add(Poller poller, int key) throws TransportException;

    /**
     * Watches a poller until it has an event or was woken, and tells that once. Also of what has happened before.
     *
     * @return false if that is not possible, so that nobody will tell
     */
    boolean arm(Poller poller, int key);

    /** Waits, a negative time without limit; {@return how many pollers are ready} */
    int await(long timeoutNanos) throws IOException;

    /** {@return the key of the ready poller {@code index}} */
    int ready(int index);

    /** {@return the processor time in nanoseconds that this process has used, or -1 if that is not known} */
    long cpuNanos();

    /**
     * {@return the processor time in nanoseconds that a thread has used, or -1 if that is not known}
     *
     * @param thread its number in the system
     */
    default long cpuNanos(int thread) {
        return -1;
    }

    /** Ends the running or the next {@link #await} early. */
    void wakeup();

    @Override
    void close();
}
