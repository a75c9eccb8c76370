// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;
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
 * The right to move flushed bytes to the kernel, and those bytes: the lower half of the outbound side.
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
 * <p>KEPT has no holder: a thread that could not send all, or a handler whose answer the loop is to send together with
 * others', has left the queue, for whoever takes it first. A hand-over is KEPT and a signal to the loop.
 *
 * <p>Progress is told in positions of the stream: {@code enqueued} is the end of what was flushed, {@code sent} the end
 * of what the kernel has taken, {@code promised} the end of what a flush has accepted and returned.
 *
 * <ul>
 *   <li>F1 The queue, and {@code sent}, are touched by the holder of the role only; {@code enqueued} by the user of the
 *       side, or by the loop while that one waits for it.
 *   <li>F2 Accepted bytes are sent in order, or the stream is CUT: {@link #release} drops none of them without that.
 *       Closing sends them first. Bytes of a flush that waits are not accepted yet: closing wakes it with an exception.
 *   <li>F3 The queue exists while the role is taken. {@link #release}, the one way to give it back, drops the queue,
 *       sends the end of the stream if it is due, and tells who waits for the output to be gone.
 *   <li>F4 A flush that does not get the role adds its bytes to {@code incoming}, in order, and signals the loop. It
 *       takes a free role only if {@code sent} has reached all that was flushed before.
 *   <li>F5 A handler that runs on its loop, inline or because that has lent its baton, may leave a queue KEPT without a
 *       signal. The end of its run, its next flush, its next wait or the relief of its loop go on with it. A relief
 *       that the flush has not seen yet sees KEPT, since the flush looks for it after it has set KEPT.
 *   <li>F6 An Error inside the role, or on the way into it, leaves it as it is and sets {@code wrecked} and {@link
 *       EventLoop#looksAtAll}, with stores that cannot fail. So the {@code try} begins before the role is taken: the
 *       call that uses it may need more stack than the one that took it. The connection is aborted, and closing it
 *       releases the role: that thread does not come back to it.
 *   <li>F7 A thread that has the role writes it, {@code enqueued} and {@code sent} with release stores, as nobody else
 *       acts on them while SENDING is set. A full fence comes before it looks at what others wait for: SENDING is
 *       removed by a CAS, and handing over is a volatile store of KEPT.
 *   <li>F8 What all connections of a loop share, such as its ring and its timers, is changed on the loop's own stack,
 *       never on that of a callback, which may be nearly used up: what is half done there would harm the others.
 * </ul>
 */
abstract class SendRole extends Side {
    private static final int FREE = 0;
    private static final int THREAD = 1;
    private static final int KEPT = 2;
    private static final int LOOP = 3;

    /** So much may wait for the end of a handler's run, or for its relief. */
    private static final int KEPT_MAX = 16 << 10;

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

    private volatile int role = FREE;

    /** What was flushed and not sent (F3). Holder only. */
    private @Nullable SendQueue queue;

    /** What was flushed while another had the role (F4). */
    volatile @Nullable Segment incoming;

    /** The end of what was flushed (F1). */
    volatile long enqueued;

    private volatile long sent;
    private volatile long promised;

    /** Whether the kernel took only a part of the queue that was left. Written by the holder, who leaves it. */
    private boolean blocked;

    /** Whether a handler has left more than the kernel takes, so that no other run begins before that is gone. */
    private volatile boolean stuck;

    /** Set where it is found, by a store of its own, beside the loop's: a call might find no stack (F6). */
    volatile boolean wrecked;

    /** Whether a flush wants its bytes back: those behind what is promised. */
    private volatile boolean withdrawing;

    /** When the loop last made progress with what it sends. Loop only. */
    private long progressAt;

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

    /** <i>User.</i> Says how far the stream goes now. What tells others of it, follows and is a full fence (F7). */
    final void enqueued(long position) {
        ENQUEUED.setRelease(this, position);
    }

    private boolean takeKept(int by) {
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

    /** {@return whether the calling thread runs the connection's handler on the loop that it has lent} */
    final boolean hasLentLoop() {
        return link.spares() != null && link.loop().isRelievable();
    }

    /**
     * {@return whether the loop, which the calling thread has lent, better sends so many bytes with those of others}
     */
    final boolean isGathered(long bytes) {
        return bytes <= KEPT_MAX && link.transport().gathersSends();
    }

    /**
     * <i>Holder.</i> Leaves the queue to the loop, which sends it soon; {@return false if it was relieved meanwhile}
     */
    final boolean keep() {
        long before = promised;
        promised = enqueued;
        role = KEPT;
        if (link.loop().isRelievable() || !takeKept(THREAD)) { // F5
            return true;
        }
        promised = before;
        return false;
    }

    /** <i>Loop</i>, while something is unsent: no run of the handler begins before the peer has taken it. */
    final void holdRuns() {
        stuck = true;
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
            SENT.setRelease(this, position); // F7
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
        if (!inRun) { // else the end of the run goes on with it (F5)
            tellLoop();
        }
    }

    /** <i>Holder.</i> Tells the group's budget how much waits for a slow peer, in memory that others could use. */
    private void count(@Nullable SendQueue waiting) {
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

    /** There is something for the loop to go on with; it does so on its own stack, also if this is its thread (F8). */
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

    /**
     * A handler is about to wait: sends what it has left to its loop, as much of it as the kernel takes.
     *
     * @return whether there was anything
     */
    final boolean hurry() {
        if (!takeKept(THREAD)) {
            return false;
        }
        boolean sound = false;
        try {
            int result = sendNow(false, false); // a failure is the transport's to remember, and cuts the stream
            sound = true;
            if (result == -Errno.ENOBUFS || result == -Errno.ENOMEM) {
                link.giveUp(); // nothing is wrong with the socket, so nobody else tells the peer
            }
        } finally {
            if (!sound) {
                wrecked = true;
                link.loop.looksAtAll = true;
                link.giveUp();
            }
        }
        return true;
    }

    /** The run has ended, or its thread was relieved of the loop; any thread. */
    final void sendKept() {
        if (role == KEPT && link.inLoop()) {
            goOn();
        } else if (role == KEPT) {
            tellLoop();
        }
    }

    /**
     * Asks the loop to take back what is not accepted. The caller waits until {@link #isWithdrawing} ends.
     */
    final void startWithdrawing() {
        withdrawing = true;
        link.signal();
    }

    final boolean isWithdrawing() {
        return withdrawing;
    }

    // ---- the one way out ----

    /** <i>Holder.</i> Gives the role back, and does what was waiting for that (F3). */
    private void release() {
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
        link.remove(SENDING); // F7
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

    // ---- event loop ----

    /** Looks at everything that other threads may have left to the loop. */
    final void goOn() {
        if (link.has(CLOSED)) {
            closedOnLoop();
            return;
        }
        boolean goesOn = takeKept(LOOP);
        boolean full = goesOn && blocked;
        if (incoming != null && role == FREE && link.add(SENDING, CLOSED)) {
            role = LOOP;
            goesOn = true;
        }
        if (goesOn) {
            progressAt = System.nanoTime();
        }
        if (incoming != null && role == LOOP) {
            adopt();
            full = true;
            goesOn = true;
        }
        int now = role;
        if (withdrawing && (now == LOOP || now == FREE)) { // else its holder signals
            withdraw();
        } else if (goesOn) {
            if (full) {
                link.ensureArmed(stallDeadline());
            }
            link.transport().sendRest(queue());
        }
    }

    private void adopt() {
        SendQueue to = queue(); // first: making one may fail
        to.add(takeIncoming());
        count(to);
    }

    /** Drops what a flush wants back, and is not sent. */
    private void withdraw() {
        if (role == LOOP) {
            link.transport().stopSending(); // which may tell of bytes that were sent just now
        }
        if (role == LOOP) {
            SendQueue rest = queue();
            rest.truncate(Math.max(0, promised - sent));
            enqueued = sent + rest.bytes();
            promised = Math.min(promised, enqueued);
            if (rest.isEmpty()) {
                release();
                link.drained();
            } else {
                count(rest);
                link.transport().sendRest(rest);
            }
        }
        withdrawing = false;
        wake();
    }

    /** The transport has sent bytes of the queue; with {@code drained} it no longer holds it. */
    final void progressed(long bytes, boolean drained) {
        long position = sent + bytes; // F1: only the holder writes it
        sent = position; // before it looks for the waiter
        if (bytes > 0) {
            progressAt = System.nanoTime();
        }
        if (drained) {
            release();
        } else {
            count(queue);
            link.ensureArmed(stallDeadline());
        }
        wake();
    }

    /** Sends now what was gathered to be sent with the next wait, as much of it as the kernel takes. */
    final void hurryGathered() {
        boolean sound = false;
        try {
            sendKept();
            if (role == LOOP) {
                link.transport().stopSending(); // which tells what it has gathered
            }
            if (role == LOOP) {
                link.transport().sendRest(queue());
            }
            sound = true;
        } finally {
            if (!sound) { // F6: the caller is a handler, and nobody else would send the rest
                wrecked = true;
                link.loop.looksAtAll = true;
                link.giveUp();
            }
        }
    }

    /** {@return whether bytes that were promised to be sent are still on their way} */
    final boolean owesBytes() {
        return sent < promised && !wrecked && !link.has(BROKEN | CLOSED | CUT);
    }

    /** {@return when the peer counts as stuck because it takes nothing of what was promised, or NEVER} */
    final long stallDeadline() {
        long limit = timeoutNanos();
        return role != LOOP || sent >= promised || limit == NEVER ? NEVER : progressAt + limit;
    }

    /** The transport is closed: the loop lets go of what it was to send. */
    final void closedOnLoop() {
        try {
            boolean isOurs = takeKept(LOOP) || role == LOOP || (wrecked && role == THREAD); // F6
            if (isOurs) {
                release();
            }
            freeIncoming();
        } finally {
            withdrawing = false;
            wake();
        }
    }

    private void freeIncoming() {
        if (incoming != null) {
            Segment.freeAll(takeIncoming());
        }
    }

    private @Nullable Segment takeIncoming() {
        return (Segment) INCOMING.getAndSet(this, (Segment) null);
    }
}
