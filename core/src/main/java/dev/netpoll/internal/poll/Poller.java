// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll;

import dev.netpoll.internal.memory.LoopCache;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.transport.AcceptEvents;
import dev.netpoll.internal.transport.ListenSocket;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportEvents;
import dev.netpoll.internal.transport.TransportException;
import java.io.IOException;
import java.net.SocketAddress;

/**
 * Waits for the sockets of one event loop and delivers what happened to them.
 *
 * <p><b>Place.</b> Opened by an event loop from a {@link Mechanism}; driven by whoever owns that loop.
 *
 * <p><b>Threads.</b> Only the loop's owner, except {@link #wakeup()}: any thread. What a thread did before
 * {@code wakeup()} happens-before the return of the {@link #fetch} it ends. All events are delivered from inside
 * {@link #deliver}, on its caller's thread.
 *
 * <p><b>Memory.</b> Owns the memory it receives into; bytes are handed over as segments that belong to the receiver.
 *
 * <p><b>Fails.</b> Interrupted waits, spurious and stale events are normal and invisible. A failed wait throws and is
 * fatal to the loop. Whatever goes wrong with one socket is told to that socket's events only.
 */
public interface Poller extends AutoCloseable {
    /** The calling thread drives the poller from now on; what the one before it did must happen-before. */
    default void takeOver() throws IOException {}

    /**
     * The calling thread, which has driven the poller, is about to end. Another may have taken over already, or does so
     * at the same time.
     */
    default void leave() {}

    /**
     * Waits for a batch of events, which {@link #deliver} then delivers one by one. The batch before must have been
     * delivered.
     *
     * @param timeoutNanos how long to wait at most: 0 does not wait, a negative value has no limit; rounded up to
     *     what the kernel can express. Returns at once while sockets are known to have more to read.
     * @return whether there is something to deliver; false after a time-out or a wake-up
     */
    boolean fetch(long timeoutNanos) throws IOException;

    /**
     * Delivers the next event of the batch. Between two calls the loop may get another owner, who goes on.
     *
     * @return false if the batch was delivered completely
     */
    boolean deliver();

    /**
     * Waits for events and delivers them: {@link #fetch} and {@link #deliver}.
     *
     * @return how many events were delivered; 0 after a time-out or a wake-up
     */
    default int poll(long timeoutNanos) throws IOException {
        fetch(timeoutNanos);
        int delivered = 0;
        while (deliver()) {
            delivered++;
        }
        return delivered;
    }

    /** {@return whether there is something to deliver that no event will announce, so that a wait would not end} */
    boolean hasMore();

    /**
     * {@return after how many nanoseconds {@link #fetch} is to be called although no event ends a wait, -1 for never}
     * Sockets that find no memory to receive into try again then; a fetch that waits ends in time by itself.
     */
    default long untilRetry(long now) {
        return -1;
    }

    /** Gives back what is kept for the next events, as none are expected soon. */
    void quiesce();

    /** Ends the running or the next {@link #fetch} early. Costs a system call: callers elide what they can. */
    void wakeup();

    /**
     * Starts reading from a connected transport and reporting to {@code events}.
     *
     * @throws TransportException if the kernel refuses; the transport stays open and is the caller's to close
     */
    void register(Transport transport, TransportEvents events) throws TransportException;

    /**
     * Starts to connect, reports {@link TransportEvents#connected()} or {@link TransportEvents#failed} once (possibly
     * before this method returns), then behaves as after {@link #register}. On failure the transport stays the
     * caller's to close.
     */
    void connect(Transport transport, SocketAddress remote, TransportEvents events);

    /** Starts to accept. Accepted transports are not registered: any poller of the same backend may register them. */
    void listen(ListenSocket socket, AcceptEvents events) throws TransportException;

    /** While this is exceeded, what arrives is received in small pieces. Before the poller is driven. */
    default void limitBy(MemoryBudget budget) {}

    /** {@return where the poller takes memory from; its loop becomes the owner} */
    LoopCache memory();

    /** Releases the poller's descriptors and memory. Transports must have been closed before. */
    @Override
    void close();
}
