// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.CUT;
import static dev.netpoll.internal.connection.ConnectionState.DRAINING;
import static dev.netpoll.internal.connection.ConnectionState.OUTPUT_SHUT;
import static dev.netpoll.internal.connection.ConnectionState.SENDING;

import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.memory.MemoryLimitException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The right to move flushed bytes to the kernel, and those bytes: the lowest layer of the outbound side. {@link
 * LoopSend} is how the loop uses it, {@link KeptAnswers} how a handler leaves it to its loop, {@link Outbound} how a
 * thread flushes.
 *
 * <pre>
 *            thread: take                       thread: keep, hand over
 *   FREE ---------------------> THREAD -----------------------------------> KEPT
 *    ^  ^                        |  ^---------- thread: take back (CAS) -----|
 *    |  +-------- release -------+                                           | loop: take (CAS)
 *    |                                                                       v
 *    +---------------------------------- release ------------------------- LOOP
 *         FREE --loop: bytes that came while it was taken--> LOOP
 * </pre>
 *
 * <p>KEPT has no holder: a thread that could not send all has left the queue, for the first that takes it. A hand-over
 * is KEPT and a signal to the loop.
 *
 * <p>Positions of the stream measure progress: {@code enqueued} is the end of what was flushed, {@code sent} the end of
 * what the kernel has taken, {@code promised} the end of what a flush has accepted and returned.
 *
 * <ul>
 *   <li>F1 Only the holder of the role touches the queue and {@code sent}. The user of the side touches {@code
 *       enqueued}, or the loop does while the user waits for it.
 *   <li>F2 Accepted bytes are sent in order, or the stream is CUT: {@link #release} drops none of them without that.
 *       Closing sends them first. Bytes of a flush that waits are not accepted yet: closing wakes it with an exception.
 *   <li>F3 The queue exists while the role is taken. {@link #release}, the one way to give it back, drops the queue,
 *       sends the end of the stream if it is due, and tells who waits for the output to be gone.
 *   <li>F4 A flush that does not get the role adds its bytes to {@code incoming}, in order, and signals the loop. It
 *       takes a free role only if {@code sent} has reached all that was flushed before.
 *   <li>F5 An Error inside the role, or on the way into it, leaves it as it is and sets {@code wrecked} and {@link
 *       EventLoop#looksAtAll}, with stores that cannot fail. So the {@code try} begins before the role is taken: the
 *       call that uses it may need more stack than the one that took it. The connection is aborted, and closing it
 *       releases the role: that thread does not come back to it.
 *   <li>F6 A thread that has the role writes it, {@code enqueued} and {@code sent} with release stores, as nobody else
 *       acts on them while SENDING is set. A full fence comes before it looks at what others wait for: SENDING is
 *       removed by a CAS, and handing over is a volatile store of KEPT.
 *   <li>F7 What all connections of a loop share, such as its ring and its timers, is changed on the loop's own stack,
 *       never on that of a callback, which may be nearly used up: what is half done there would harm the others.
 * </ul>
 */
abstract class SendRole extends Side {
    static final int FREE = 0;
    static final int THREAD = 1;
    static final int KEPT = 2;
    static final int LOOP = 3;

    private static final VarHandle ROLE;
    private static final VarHandle INCOMING;
    private static final VarHandle ENQUEUED;
    private static final VarHandle SENT;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            ROLE = lookup.findVarHandle(SendRole.class, "role", int.class);
            INCOMING = lookup.findVarHandle(SendRole.class, "incoming", Segment.class);
            ENQUEUED = lookup.findVarHandle(SendRole.class, "enqueued", long.class);
            SENT = lookup.findVarHandle(SendRole.class, "sent", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    volatile int role = FREE;

    /** What was flushed and not sent (F3). Holder only. */
    @Nullable
    SendQueue queue;

    /** What was flushed while another had the role (F4). */
    volatile @Nullable Segment incoming;

    /** The end of what was flushed (F1). */
    volatile long enqueued;

    volatile long sent;
    volatile long promised;

    /** Whether the kernel took only a part of the queue that was left. Written by the holder, who leaves it. */
    boolean blocked;

    /** Whether a handler has left more than the kernel takes, so that no other run begins before that is gone. */
    volatile boolean stuck;

    /** Set where it is found, by a store of its own, beside the loop's: a call might find no stack (F5). */
    volatile boolean wrecked;

    /** Whether a flush wants its bytes back: those behind what is promised. */
    volatile boolean withdrawing;

    /** What of the queue counts in the group's budget of memory. Holder only. */
    private int charged;

    SendRole(Link link) {
        super(link);
    }

    // ---- any thread ----

    /** {@return the end of what the kernel has taken} */
    final long sent() {
        return sent;
    }

    /** {@return how many bytes were flushed that the kernel has not taken, and still may} */
    final long unsent() {
        return link.has(CUT | BROKEN | CLOSED) ? 0 : enqueued - sent;
    }

    /** {@return whether all accepted bytes were sent} */
    final boolean hasKeptItsPromise() {
        return sent >= promised;
    }

    final boolean isWritable() {
        return promised - sent < link.config().options().outboundHighMark() || link.has(BROKEN | CLOSED | CUT);
    }

    /** {@return whether what a handler has left waits for a slow peer} */
    final boolean isStuck() {
        return stuck && !link.has(BROKEN | CLOSED | CUT);
    }

    // ---- the thread that flushes ----

    /** Takes the role, if nothing is under way that has to go first; {@return whether it has} */
    final boolean take() {
        if (takeKept(THREAD)) {
            return true;
        }
        if (enqueued != sent || !link.add(SENDING, CLOSED)) { // F4
            return false;
        }
        ROLE.setRelease(this, THREAD); // SENDING, which was set by a CAS, keeps the loop out
        return true;
    }

    /** <i>User.</i> Says how far the stream goes now. What tells others of it, follows and is a full fence (F6). */
    final void enqueued(long position) {
        ENQUEUED.setRelease(this, position);
    }

    final boolean takeKept(int by) {
        return role == KEPT && ROLE.compareAndSet(this, KEPT, by);
    }

    /** <i>Holder.</i> {@return the queue, made if need be} */
    final SendQueue queue() {
        SendQueue present = queue;
        if (present == null) {
            Spares spares = spares();
            present = spares != null ? spares.takeQueue() : new SendQueue();
            queue = present;
        }
        return present;
    }

    private @Nullable Spares spares() {
        return link.inLoop() ? link.loop().spares() : link.spares();
    }

    /**
     * <i>Holder.</i> Sends what is in the queue as far as the kernel takes it, and gives the role back or hands it
     * over.
     *
     * @param accepts whether what is handed over counts as accepted, as the flush returns
     * @param holds whether no run of the handler begins before the peer has taken that
     * @return as {@link Transport#send}; only with {@code WOULD_BLOCK} and {@code GATHERED} the role was handed over
     */
    final int sendNow(boolean accepts, boolean holds) {
        SendQueue unsent = queue();
        long bytes = unsent.bytes();
        int result;
        try {
            result = unsent.isEmpty() ? Transport.SENT : link.transport().send(unsent);
        } finally {
            long taken = bytes - unsent.bytes();
            long position = sent + taken; // F1: only the holder writes it
            SENT.setRelease(this, position); // F6
            if (taken > 0) {
                link.touch();
            }
        }
        boolean waits = result == Transport.WOULD_BLOCK || result == Transport.GATHERED;
        if (waits && accepts && unsent.borrows()) {
            int refused = endLoans(unsent);
            result = refused != 0 ? refused : result;
            waits = refused == 0;
        }
        if (waits) {
            if (accepts) {
                promised = enqueued;
            }
            handOver(result == Transport.WOULD_BLOCK, holds);
        } else {
            release();
        }
        return result;
    }

    /** A flush that does not wait for its bytes keeps nothing of the user's (O3); {@return 0, or why not, negated} */
    private int endLoans(SendQueue unsent) {
        try {
            unsent.endLoans(link.loop().memory());
            return 0;
        } catch (MemoryLimitException e) {
            return -Errno.ENOBUFS;
        } catch (IllegalStateException | InternalError e) { // it was freed, or the file behind it cut off
            return -Errno.EFAULT;
        }
    }

    private void handOver(boolean kernelIsFull, boolean holds) {
        blocked = kernelIsFull;
        if (kernelIsFull) {
            count(queue);
        }
        if (kernelIsFull && holds) {
            stuck = true;
        }
        boolean inRun = link.inLoop() && link.spares() != null;
        role = KEPT;
        if (!inRun) { // else the end of the run goes on with it, see KeptAnswers
            tellLoop();
        }
    }

    /** <i>Holder.</i> Tells the group's budget how much waits for a slow peer, in memory that others could use. */
    final void count(@Nullable SendQueue waiting) {
        long counts = waiting == null ? 0 : Math.min(Share.above(waiting.pooledBytes()), Integer.MAX_VALUE);
        long more = counts - charged;
        if (more != 0) {
            link.loop().budget().chargeOutput(more); // negative if it has become less
            charged = (int) counts;
        }
    }

    /** Adds a chain behind all that was flushed before (F4); {@link #tellLoop} is to follow. User only. */
    final void addIncoming(Segment chain, boolean accepts) {
        Segment before = takeIncoming();
        if (before != null) {
            Segment last = before;
            while (last.next != null) {
                last = last.next;
            }
            if (!last.absorb(chain)) {
                last.next = chain;
            }
        }
        incoming = before != null ? before : chain;
        if (accepts) {
            promised = enqueued;
        }
    }

    /** There is something for the loop to go on with; it does so on its own stack, also if this is its thread (F7). */
    final void tellLoop() {
        if (link.has(CLOSED)) { // the loop set it before it looked
            if (takeKept(THREAD)) {
                release();
            }
            freeIncoming();
        } else {
            link.signal();
        }
    }

    final boolean isWrecked() {
        return wrecked;
    }

    // ---- the one way out ----

    /** <i>Holder.</i> Gives the role back, and does what was waiting for that (F3). */
    final void release() {
        SendQueue rest = queue;
        boolean wasStuck = stuck;
        if (rest != null && !rest.isEmpty() && (sent < promised || !isUser())) {
            link.add(CUT); // F2; a flush drops its own bytes itself
        }
        queue = null;
        if (wasStuck) {
            stuck = false;
        }
        count(null);
        ROLE.setRelease(this, FREE);
        link.remove(SENDING); // F6
        if (rest != null) {
            rest.clear();
            Spares spares = spares();
            if (spares != null) {
                spares.giveBack(rest);
            }
        }
        if (link.has(OUTPUT_SHUT) && isEndDue()) {
            sendEnd();
        }
        if (!link.inLoop() && (wasStuck || isAwaited())) {
            link.signal();
        }
    }

    /** {@return whether the loop has something to do when the output is gone} */
    private boolean isAwaited() {
        return withdrawing
                || incoming != null
                || EventLoop.onLoop() // its handler may have been held back
                || link.has(CLOSING | DRAINING);
    }

    /** {@return whether all was sent that goes before the end of the stream} */
    final boolean isEndDue() {
        return role == FREE && enqueued == sent && !link.has(CUT | CLOSED);
    }

    private void sendEnd() {
        try {
            link.transport().shutdownOutput();
        } catch (TransportException e) {
            link.noteErrno(e.errno()); // the peer is gone already, which the poller tells
        }
    }

    final void freeIncoming() {
        if (incoming != null) {
            Segment.freeAll(takeIncoming());
        }
    }

    @Nullable
    final Segment takeIncoming() {
        return (Segment) INCOMING.getAndSet(this, (Segment) null);
    }
}
