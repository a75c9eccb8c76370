// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;

/**
 * Waits, in one system call, for all pollers whose loops rest without a thread.
 *
 * <p><b>Place.</b> The supervisor of a group of loops opens it from a {@link Mechanism}.
 *
 * <p><b>Threads.</b> {@link #await}, {@link #ready}, {@code cpuNanos} and {@link #close} one thread; the others any.
 */
public interface PollerWatch extends AutoCloseable {
    /** Adds a poller, which {@link #ready} will report by {@code key}; it is not watched before {@link #arm}. */
    void add(Poller poller, int key) throws TransportException;

    /**
     * Watches a poller until it has an event or is woken, and reports that once, even for an event that came before.
     *
     * @return false if that is not possible; then nothing will be reported
     */
    boolean arm(Poller poller, int key);

    /** Waits, a negative time without limit; {@return how many pollers are ready} */
    int await(long timeoutNanos) throws IOException;

    /** {@return the key of the ready poller {@code index}} */
    int ready(int index);

    /** {@return the processor time in nanoseconds that this process has used, or -1 if unknown} */
    long cpuNanos();

    /**
     * {@return the processor time in nanoseconds that a thread has used, or -1 if unknown}
     *
     * @param thread the system's number of the thread
     */
    default long cpuNanos(int thread) {
        return -1;
    }

    /** Ends the running or the next {@link #await} early. */
    void wakeup();

    @Override
    void close();
}
