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
 * The right to move flushed bytes to the kernel, together with those bytes: the lowest layer of the outbound side.
 * {@link LoopSend} is its use by the loop, {@link KeptAnswers} how a handler leaves it to its loop, {@link Outbound}
 * how a thread flushes.
 *
 * <pre>
 *            thread: take                       thread: keep, hand over
 *   FREE ---------------------> THREAD -----------------------------------> KEPT
 *    ^  ^                        |  ^---------- thread: take back (CAS) -----|
 *    |  +-------- release -------+                                           | loop: take (CAS)
 *    |                                                                       v
 *    +---------------------------------- release ------------------------- LOOP
 *         FREE --loop: bytes that came while it was taken, or it closes--> LOOP
 * </pre>
 *
 * <p>KEPT has no holder: a thread that could not send everything leaves the queue to whichever thread takes it first. A
 * hand-over is KEPT and a signal to the loop.
 *
 * <p>Stream positions measure progress: {@code enqueued} is the end of the flushed bytes, {@code sent} of those that
 * the kernel has taken, {@code promised} of those whose flush has accepted them and returned.
 *
 * <ul>
 *   <li>F1 Only the holder of the role touches the queue and {@code sent}. The user of the side touches {@code
 *       enqueued}, or the loop does while the user waits for it.
 *   <li>F2 Accepted bytes are sent in order, or the stream is CUT: {@link #release} drops none of them without setting
 *       CUT. Closing sends them first. Bytes of a waiting flush are not accepted yet: closing drops them and wakes it
 *       with an exception, and the stream is CUT if the peer has got a part of them.
 *   <li>F3 The queue exists only while the role is taken. {@link #release}, the only way to give the role back, drops
 *       the queue, sends the end of the stream if it is due, and notifies those that wait for the output to drain.
 *   <li>F4 A flush that does not get the role adds its bytes to {@code incoming}, in order, and signals the loop. It
 *       takes a free role only if all bytes flushed before are {@code sent}.
 *   <li>F5 An Error inside the role, or on the way into it, leaves it as it is and sets {@code wrecked} and
 *       {@link EventLoop#looksAtAll}, with stores that cannot fail. So the {@code try} begins before the role is taken:
 *       the call that uses it may need more stack than the one that took it. The connection is aborted, and closing it
 *       releases the role: the failed thread does not touch it again.
 *   <li>F6 A thread with the role writes the role, {@code enqueued} and {@code sent} with release stores, as nobody
 *       else acts on them while SENDING is set. A full fence comes before it looks for waiters: SENDING is removed by a
 *       CAS, and handing over is a volatile store of KEPT.
 *   <li>F7 State that all connections of a loop share, such as its ring and its timers, changes only on the loop's own
 *       stack. A callback's stack may be nearly used up, and a change left half done would harm the others.
 * </ul>
 */
abstract class SendRole extends Side {
    static final int FREE = 0;
    static final int THREAD = 1;
    static final int KEPT = 2;
    static final int LOOP = 3;

    /** Among results of sending, in place of a negated error number: the pool had no memory for a copy. */
    static final int NO_MEMORY = Integer.MIN_VALUE;

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

    /** Bytes flushed and not sent (F3). Holder only. */
    @Nullable
    SendQueue queue;

    /** Bytes flushed while another thread had the role (F4). */
    volatile @Nullable Segment incoming;

    /** The end of the flushed bytes (F1). */
    volatile long enqueued;

    volatile long sent;
    volatile long promised;

    /**
     * Where the latest flush began. Written by the user; who has seen the role, {@code enqueued} or {@code sent} of
     * that flush sees this and the next field, too.
     */
    long flushFrom;

    /** Whether the latest flush may be given up in the middle, and the stream goes on. */
    boolean resumable;

    /** Where a resumable flush was given up in the middle, or -1. Written by the holder. */
    volatile long tornAt = -1;

    /** Whether the kernel took only a part of the queue that was handed over. Written by the holder that does so. */
    boolean blocked;

    /** Whether a handler left more than the kernel takes, so that no other run begins before it is sent. */
    volatile boolean stuck;

    /** Set in place, by a plain store next to that of the loop's field: a call might find no stack (F5). */
    volatile boolean wrecked;

    /** Whether a flush wants its bytes back: those after {@code promised}. */
    volatile boolean withdrawing;

    /** How much of the queue is charged to the group's memory budget. Holder only. */
    private int charged;

    SendRole(Link link) {
        super(link);
    }

    // ---- any thread ----

    /** {@return the end of the bytes that the kernel has taken} */
    final long sent() {
        return sent;
    }

    /** {@return how many flushed bytes the kernel has not taken but still may} */
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

    /** {@return whether output that a handler left waits for a slow peer} */
    final boolean isStuck() {
        return stuck && !link.has(BROKEN | CLOSED | CUT);
    }

    /** {@return whether the peer has got a part of the latest flush, and may not take it for the whole} */
    final boolean isTorn() {
        long position = sent;
        return position < enqueued && position > flushFrom; // in this order: who sees enqueued sees flushFrom
    }

    /** {@return whether the peer has got a part of a resumable flush, and nothing behind it} */
    final boolean isUnfinished() {
        long at = tornAt;
        return at >= 0 && sent <= at && promised <= at;
    }

    // ---- the thread that flushes ----

    /** Takes the role, unless earlier bytes must go first; {@return whether it has} */
    final boolean take() {
        if (takeKept(THREAD)) {
            return true;
        }
        if (enqueued != sent || !link.add(SENDING, CLOSED)) { // F4
            return false;
        }
        ROLE.setRelease(this, THREAD); // the CAS of SENDING keeps the loop out
        return true;
    }

    /** <i>User.</i> Sets the new end of the flushed bytes. The full fence that publishes it follows (F6). */
    final void enqueued(long position) {
        ENQUEUED.setRelease(this, position);
    }

    final boolean takeKept(int by) {
        return role == KEPT && ROLE.compareAndSet(this, KEPT, by);
    }

    /** <i>Holder.</i> {@return the queue, created if needed} */
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
     * <i>Holder.</i> Sends as much of the queue as the kernel takes, then gives the role back or hands it over.
     *
     * @param accepts whether bytes handed over count as accepted, as the flush returns
     * @param holds whether no run of the handler begins before the peer has taken them
     * @return as {@link Transport#send}; only with {@code WOULD_BLOCK} and {@code GATHERED} was the role handed over
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
            if (isTorn()) {
                link.cut(EndReason.SEND_FAILED); // before the loop can close it in order
            }
            release();
        }
        return result;
    }

    /** Copies the user's memory, as the flush does not wait (O3); {@return 0, a negated error number, or NO_MEMORY} */
    private int endLoans(SendQueue unsent) {
        try {
            unsent.endLoans(link.loop().memory());
            return 0;
        } catch (MemoryLimitException e) {
            return NO_MEMORY;
        } catch (IllegalStateException | InternalError e) { // it was freed, or its file was truncated
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
        if (!inRun) { // otherwise the end of the run takes the queue, see KeptAnswers
            tellLoop();
        }
    }

    /** <i>Holder.</i> Charges the group's budget for memory that waits for a slow peer. */
    final void count(@Nullable SendQueue waiting) {
        long counts = waiting == null ? 0 : Math.min(Share.above(waiting.pooledBytes()), Integer.MAX_VALUE);
        long more = counts - charged;
        if (more != 0) {
            link.loop().budget().chargeOutput(more); // negative if there is less now
            charged = (int) counts;
        }
    }

    /** <i>User.</i> Adds a chain behind all bytes flushed before (F4). {@link #tellLoop} must follow. */
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
        if (accepts) {
            promised = enqueued; // first: a loop that closes drops what is not promised
        }
        incoming = before != null ? before : chain;
    }

    /** Signals work to the loop, which does it on its own stack even if this is its thread (F7). */
    final void tellLoop() {
        if (link.has(CLOSED)) { // the loop set CLOSED, then looked for work
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

    /** <i>Holder.</i> Gives the role back, and does what waited for that (F3). */
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

    /** {@return whether the loop has something to do once the output has drained} */
    private boolean isAwaited() {
        return withdrawing
                || incoming != null
                || EventLoop.onLoop() // the loop's handler may have been held back
                || link.has(CLOSING | DRAINING);
    }

    /** {@return whether everything that precedes the end of the stream was sent} */
    final boolean isEndDue() {
        return role == FREE && enqueued == sent && !isUnfinished() && !link.has(CUT | CLOSED);
    }

    private void sendEnd() {
        try {
            link.transport().shutdownOutput();
        } catch (TransportException e) {
            link.noteErrno(e.errno()); // the peer is gone, and the poller will report that
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
