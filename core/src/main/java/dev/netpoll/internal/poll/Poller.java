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
 * Waits for the sockets of one event loop and delivers their events.
 *
 * <p><b>Place.</b> A {@link Mechanism} opens it for an event loop; the loop's owner drives it.
 *
 * <p><b>Threads.</b> Only the loop's owner, except {@link #wakeup()}: any thread. A thread's actions before
 * {@code wakeup()} happen-before the return of the {@link #fetch} it ends. All events are delivered from inside
 * {@link #deliver}, on its caller's thread.
 *
 * <p><b>Memory.</b> Owns the memory it receives into; delivers bytes as segments that belong to the receiver.
 *
 * <p><b>Fails.</b> Interrupted waits, spurious and stale events are normal and invisible. A failed wait throws and is
 * fatal to the loop. A failure of one socket is reported to that socket's events only.
 */
public interface Poller extends AutoCloseable {
    /** The calling thread drives the poller from now on; what the previous one did must happen-before this call. */
    default void takeOver() throws IOException {}

    /**
     * The calling thread, which drove the poller, is about to end. Another may have taken over already, or may be doing
     * so.
     */
    default void leave() {}

    /**
     * Waits for a batch of events, which {@link #deliver} then delivers one by one. The previous batch must have been
     * delivered.
     *
     * @param timeoutNanos how long to wait at most: 0 does not wait, a negative value has no limit; rounded up to what
     *     the kernel can express. Returns at once while sockets are known to have more bytes.
     * @return whether there is something to deliver; false after a time-out or a wake-up
     */
    boolean fetch(long timeoutNanos) throws IOException;

    /**
     * Delivers the next event of the batch. Between two calls the loop may get another owner, which continues.
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

    /** {@return whether there is something to deliver that no event will announce, so that the loop must not wait} */
    boolean hasMore();

    /**
     * {@return after how many nanoseconds to call {@link #fetch} even without an event, -1 for never} Sockets without
     * memory to receive into then try again; a waiting fetch returns in time by itself.
     */
    default long untilRetry(long now) {
        return -1;
    }

    /** Frees memory kept for the next events, as none are expected soon. */
    void quiesce();

    /** Ends the running or the next {@link #fetch} early. Costs a system call: callers elide what they can. */
    void wakeup();

    /**
     * Starts reading from a connected transport and reporting to {@code events}.
     *
     * @throws TransportException if the kernel refuses; the transport stays open, and the caller must close it
     */
    void register(Transport transport, TransportEvents events) throws TransportException;

    /**
     * Starts to connect, reports {@link TransportEvents#connected()} or {@link TransportEvents#failed} once (possibly
     * before this method returns), then behaves as after {@link #register}. On failure the caller must close the
     * transport.
     */
    void connect(Transport transport, SocketAddress remote, TransportEvents events);

    /** Starts to accept. Accepted transports are not registered: any poller of the same backend may register them. */
    void listen(ListenSocket socket, AcceptEvents events) throws TransportException;

    /** While this budget is exceeded, the poller receives in small pieces. Call it before the poller is driven. */
    default void limitBy(MemoryBudget budget) {}

    /** {@return the poller's source of memory; its loop becomes the owner} */
    LoopCache memory();

    /** Releases the poller's descriptors and memory. Transports must have been closed before. */
    @Override
    void close();
}
