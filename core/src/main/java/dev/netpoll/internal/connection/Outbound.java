// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionConfig.NEVER;
import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.CUT;
import static dev.netpoll.internal.connection.ConnectionState.FLUSHING;
import static dev.netpoll.internal.connection.ConnectionState.OUTPUT_SHUT;
import static dev.netpoll.internal.connection.ConnectionState.SENDING;

import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.memory.ByteSink;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentWriter;
import dev.netpoll.internal.poll.Errno;
import dev.netpoll.internal.poll.SendQueue;
import dev.netpoll.internal.poll.Transport;
import dev.netpoll.internal.poll.TransportException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The outbound side: the writing thread fills a buffer of its own, a flush moves it into the send queue and, nearly
 * always, on to the kernel from the same thread. What the kernel does not take at once is the loop's to send.
 *
 * <pre>
 * send role (bit SENDING):  free --flush, by its thread--> thread --all sent--> free
 *                                                          thread --would block--> loop --drained or withdrawn--> free
 *                                                          thread --kept--> nobody --end of the run, relief--> loop
 *                                                                           nobody --next flush--> thread
 * </pre>
 *
 * <p>Progress is told in positions of the stream, as on the inbound side: {@code enqueued} is the end of what was
 * flushed, {@code sent} the end of what the kernel has taken. A flush that must wait waits for {@code sent} to reach
 * its end.
 *
 * <ul>
 *   <li>F1 The queue is touched by the holder of SENDING only; {@code enqueued} by the holder of FLUSHING only.
 *   <li>F2 Bytes that a flush on a loop left to the loop count as accepted ({@code promised}): closing sends them
 *       first. Bytes of a flush that waits do not: closing wakes that flush with an exception.
 *   <li>F3 The queue exists while SENDING is set. Whoever gives the role back drops the queue first, with what a
 *       closed connection has not sent. So it is freed in any case, and an idle connection has none.
 *   <li>F4 A flush sends on its own thread only if {@code sent} has reached all that was flushed before. Else it goes
 *       through the loop's tasks, which keep their order.
 *   <li>F5 A handler that runs on its loop, which has lent its baton, may leave a short queue behind, for the loop to
 *       send together with others' ({@link #kept}). Whoever clears that flag, by CAS, has the role: the end of the run,
 *       the next flush, the handler before it waits, or the loop after a relief. A relief that the flush has not seen
 *       yet sees the flag, since the flush looks for it after it has set the flag.
 * </ul>
 */
final class Outbound extends Side implements ByteSink {
    /** So much may wait for the end of a handler's run, or for its relief. */
    private static final int KEPT_MAX = 16 << 10;

    private static final VarHandle KEPT;

    static {
        try {
            KEPT = MethodHandles.lookup().findVarHandle(Outbound.class, "kept", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * Bytes written and not flushed; null when there are none, so that an idle connection has no buffer. Owner only.
     */
    private @Nullable SegmentWriter buffer;

    /** What was flushed and not sent (F3). Holder of SENDING only. */
    private @Nullable SendQueue queue;

    private volatile long enqueued;
    private volatile long sent;
    private volatile long promised;

    /** F5 */
    @SuppressWarnings("UnusedVariable") // through KEPT
    private volatile boolean kept;

    /** Whether a handler, about to wait, is sending what it had left to the loop. */
    private volatile boolean hurries;

    /** Whether the loop has the send role. Loop only. */
    private boolean loopSends;

    /** When the loop last made progress with what it sends. Loop only. */
    private long progressAt;

    /** Where the flush began that wants its bytes back; for {@link #withdraw}. */
    private long withdrawFrom;

    private volatile boolean withdrawn;

    Outbound(SocketConnection connection) {
        super(connection);
    }

    @Override
    Duration defaultTimeout() {
        return connection.config().options().writeTimeout();
    }

    @Override
    String operation() {
        return "write";
    }

    @Override
    void freeOwned() {
        Segment.freeAll(takePending());
    }

    @Override
    boolean ownsMemory() {
        return pending() > 0;
    }

    /** {@return the buffer, if there is one; for {@link Orphans}} */
    @Nullable
    SegmentWriter leftBehind() {
        return buffer;
    }

    // ---- writing side ----

    @Override
    public SegmentWriter beginWrite() throws IOException {
        enter();
        checkOpen();
        SegmentWriter present = buffer;
        if (present == null) {
            Spares spares = connection.spares();
            present = spares != null
                    ? spares.takeWriter()
                    : new SegmentWriter(connection.loop().memory());
            buffer = present;
        }
        return present;
    }

    @Override
    public long pending() {
        SegmentWriter present = buffer;
        return present == null ? 0 : present.pending();
    }

    /** Takes what was written, and the buffer with it. */
    private @Nullable Segment takePending() {
        SegmentWriter present = buffer;
        if (present == null) {
            return null;
        }
        buffer = null;
        Segment taken = present.take();
        Spares spares = connection.spares();
        if (spares != null) {
            spares.giveBack(present);
        }
        return taken;
    }

    private void checkOpen() throws IOException {
        int state = connection.state();
        if ((state & (CLOSING | CLOSED | BROKEN | OUTPUT_SHUT | CUT)) == 0) {
            return;
        }
        if ((state & CLOSING) != 0) {
            if (!connection.has(ConnectionState.RUNNING)) {
                leaveForGood();
            }
            throw ConnectionErrors.closed(connection, "write");
        }
        if ((state & BROKEN) != 0) {
            throw ConnectionErrors.broken(connection, "write", 0);
        }
        if ((state & CUT) != 0) {
            throw ConnectionErrors.cut(connection);
        }
        throw ConnectionErrors.closed(connection, "write");
    }

    /** Sends what was written; see {@link dev.netpoll.buffer.Writer#flush()}. */
    @Override
    public void flush() throws IOException {
        enter();
        checkOpen();
        if (pending() > 0) {
            flush(false);
        }
    }

    /**
     * Sends what was written.
     *
     * @param resumable whether the stream may go on after a time-out in the middle of these bytes
     */
    @SuppressWarnings("ThreadPriorityCheck") // yields to one that is in a system call
    void flush(boolean resumable) throws IOException {
        while (!connection.add(FLUSHING, CLOSING)) {
            if (connection.has(CLOSING)) {
                throw ConnectionErrors.closed(connection, "write");
            }
            if (hurries) {
                Thread.yield(); // a handler that waits for this thread is in its last system call before
                continue;
            }
            throw new IllegalStateException(
                    "another thread is flushing; a connection has one writer at a time, use asByteChannel() to share"
                            + " it");
        }
        try {
            flushPending(resumable);
        } finally {
            connection.remove(FLUSHING);
        }
    }

    private void flushPending(boolean resumable) throws IOException {
        boolean onLoop = EventLoop.onLoop();
        long bytes = pending();
        long from = enqueued;
        if (onLoop && !isWritable()) {
            throw ConnectionErrors.wouldBlock(
                    "flushing with " + (from - sent) + " bytes unsent", "look at Connection.isWritable()");
        }
        if (deadlinePassed()) {
            throw ConnectionErrors.writeTimeout(connection, 0, bytes);
        }
        connection.loop().stir();
        Segment chain = takePending();
        long to = from + bytes;
        enqueued = to;
        if (onLoop) {
            promised = to;
        }
        // Only if nothing is under way: an earlier flush may still be a task of the loop's (F4).
        if (takeKept() || (from == sent && connection.add(SENDING, CLOSED))) {
            SendQueue unsent = queue();
            unsent.add(chain);
            if (keep(unsent) || sendNow(unsent, from, resumable)) {
                return;
            }
        } else {
            boolean left = !onLoop && isLeftToLoop(to - sent, chain);
            if (left) {
                promised = to;
            }
            connection.onLoop(() -> adopt(chain));
            if (left) {
                return;
            }
        }
        if (!onLoop) {
            waitSent(from, to, resumable);
        }
    }

    /** Drops what was written and not flushed; owner only. */
    void dropPending() {
        if (isOwner()) {
            freeOwned();
        }
    }

    /** {@return whether what is unsent is better sent by the loop, which the calling thread, a handler, has lent} */
    private boolean isLeftToLoop(long unsent, @Nullable Segment chain) {
        return unsent <= KEPT_MAX
                && connection.spares() != null
                && connection.transport().gathersSends()
                && connection.loop().isRelievable()
                && !hasUserMemory(chain);
    }

    /** {@return whether some of the bytes are in memory of the user's, who may close it} */
    private static boolean hasUserMemory(@Nullable Segment chain) {
        for (Segment s = chain; s != null; s = s.next) {
            if (s.block == null) {
                return true;
            }
        }
        return false;
    }

    /** Leaves the queue to the loop, if it is short and the loop sends it soon; {@return whether it did} */
    private boolean keep(SendQueue unsent) {
        if (!isLeftToLoop(unsent.bytes(), unsent.head())) {
            return false;
        }
        long before = promised;
        promised = enqueued;
        kept = true;
        if (connection.loop().isRelievable() || !takeKept()) { // F5
            return true;
        }
        promised = before;
        return false;
    }

    private boolean takeKept() {
        return kept && KEPT.compareAndSet(this, true, false);
    }

    /**
     * The run has ended, or its thread was relieved of the loop; any thread. The role passes to the loop on the loop:
     * it is never under way, where a later flush, in a task of its own, could overtake it.
     */
    void sendKept() {
        if (!kept) {
            return;
        }
        if (connection.inLoop()) {
            sendKeptOnLoop();
        } else {
            connection.onLoop(this::sendKeptOnLoop);
        }
    }

    private void sendKeptOnLoop() {
        if (takeKept()) {
            continueOnLoop(false);
        }
    }

    /** <i>Loop.</i> Sends now what was gathered to be sent with the next wait, as much of it as the kernel takes. */
    void hurryGathered() {
        if (loopSends) {
            connection.transport().stopSending(); // which tells what it has gathered
        }
        if (loopSends) {
            connection.transport().sendRest(queue());
        }
    }

    /**
     * Sends now what the handler, the caller, has left to the loop, as much of it as the kernel takes.
     *
     * @return whether there was anything
     */
    boolean hurryKept() throws IOException {
        if (!kept || !connection.add(FLUSHING)) {
            return false;
        }
        hurries = true;
        try {
            boolean taken = takeKept();
            if (taken) {
                sendNow(queue(), enqueued, true);
            }
            return taken;
        } finally {
            connection.remove(FLUSHING);
            hurries = false;
        }
    }

    /** Waits until the loop has sent what its handler, the caller, has left to it. */
    void awaitLeft() throws IOException {
        if (connection.spares() != null && sent < promised) {
            waitSent(sent, promised, true);
        }
    }

    /** Sends as much as the kernel takes, on the calling thread; true if that was all. */
    private boolean sendNow(SendQueue unsent, long from, boolean resumable) throws IOException {
        long bytes = unsent.bytes();
        int result = connection.transport().send(unsent);
        long taken = bytes - unsent.bytes();
        advance(taken);
        if (taken > 0) {
            connection.touch();
        }
        if (result == Transport.WOULD_BLOCK || result == Transport.GATHERED) {
            boolean blocked = result == Transport.WOULD_BLOCK;
            if (connection.inLoop()) {
                continueOnLoop(blocked);
            } else {
                connection.onLoop(() -> continueOnLoop(blocked));
            }
            return false;
        }
        if (result != Transport.SENT) {
            enqueued = sent;
            promised = Math.min(promised, sent);
        }
        releaseRole();
        // The loop may be waiting for this output to be gone, and nobody else tells it.
        if (!connection.inLoop() && (EventLoop.onLoop() || connection.has(CLOSING | ConnectionState.DRAINING))) {
            connection.onLoop(connection::drained);
        }
        if (result == Transport.SENT) {
            return true;
        }
        long ofFlush = Math.max(0, sent - from);
        if ((ofFlush > 0 && !resumable) || sent < from) { // or some of a flush before, which was left to the loop
            connection.add(CUT);
        }
        throw sendFailed(-result, ofFlush);
    }

    private IOException sendFailed(int errno, long taken) {
        if (connection.has(CLOSING)) {
            return ConnectionErrors.closed(connection, "write");
        }
        if (errno == Errno.EFAULT) {
            throw new IllegalStateException("memory given to writeDirect was closed before it was sent");
        }
        // The loop learns of it by itself, after it has read what came before the error; but not if there is nothing to
        // read any more.
        boolean ours = errno == Errno.ENOMEM || errno == Errno.ENOBUFS;
        if (!ours && connection.has(ConnectionState.PEER_FINISHED)) {
            connection.onLoop(() -> connection.failed(errno));
        }
        return ConnectionErrors.broken(connection, "write", errno, taken);
    }

    private void advance(long bytes) {
        long position = sent + bytes; // F1: only the holder of SENDING writes it
        sent = position;
    }

    private void waitSent(long from, long to, boolean resumable) throws IOException {
        long begin = System.nanoTime();
        beginWait();
        try {
            while (sent < to) {
                int state = connection.state();
                if ((state & CLOSING) != 0) {
                    throw ConnectionErrors.closed(connection, "write");
                }
                if ((state & (BROKEN | CLOSED)) != 0) {
                    throw ConnectionErrors.broken(connection, "write", Math.max(0, sent - from));
                }
                if (!await(begin)) {
                    timedOut(from, to, resumable);
                    return;
                }
            }
        } catch (InterruptedIOException e) {
            long taken = takeBack(from);
            e.bytesTransferred = (int) Math.min(taken, Integer.MAX_VALUE);
            if (taken > 0 && taken < to - from && !resumable) {
                connection.add(CUT);
            }
            throw e;
        } finally {
            endWait();
        }
    }

    private void timedOut(long from, long to, boolean resumable) throws IOException {
        long taken = takeBack(from);
        if (taken == to - from) {
            return;
        }
        if (taken > 0 && !resumable) {
            connection.add(CUT);
        }
        throw ConnectionErrors.writeTimeout(connection, taken, to - from);
    }

    /**
     * Takes the unsent bytes of a flush back from the loop and drops them; {@return how many of the flush were sent}
     */
    private long takeBack(long from) {
        withdrawFrom = from;
        withdrawn = false;
        boolean interrupted = false;
        connection.onLoop(this::withdraw);
        EventLoop.beforeBlocking();
        while (!withdrawn && !connection.has(CLOSED)) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return Math.max(0, sent - from);
    }

    /** Flushes, then tells the peer that nothing follows. */
    void shutdown() throws IOException {
        enter();
        if (connection.has(OUTPUT_SHUT)) {
            return;
        }
        flush();
        connection.add(OUTPUT_SHUT);
        if (unsent() == 0) {
            connection.transport().shutdownOutput();
        } // else the loop does it when the queue has drained
    }

    // ---- any thread ----

    /** {@return how many bytes were flushed that the kernel has not taken} */
    long unsent() {
        return enqueued - sent;
    }

    boolean isWritable() {
        return promised - sent < connection.config().options().outboundHighMark() || connection.has(BROKEN | CLOSED);
    }

    /** {@return the queue, made if need be} Holder of SENDING only. */
    private SendQueue queue() {
        SendQueue present = queue;
        if (present == null) {
            Spares spares = spares();
            present = spares != null ? spares.takeQueue() : new SendQueue();
            queue = present;
        }
        return present;
    }

    private @Nullable Spares spares() {
        return connection.inLoop() ? connection.loop().spares() : connection.spares();
    }

    private void releaseRole() {
        SendQueue rest = queue;
        if (rest != null) {
            queue = null; // F3
            rest.clear();
            Spares spares = spares();
            if (spares != null) {
                spares.giveBack(rest);
            }
        }
        connection.remove(SENDING);
    }

    // ---- event loop ----

    /**
     * The thread that flushes has given the role to the loop.
     *
     * @param blocked whether it could not send all; else nothing says yet that the peer is slow
     */
    private void continueOnLoop(boolean blocked) {
        if (!loopSends) {
            loopSends = true;
            progressAt = System.nanoTime();
        }
        if (connection.has(CLOSED)) {
            giveBack();
            return;
        }
        if (blocked) {
            connection.ensureArmed(stallDeadline());
        }
        connection.transport().sendRest(queue());
    }

    /** Adds a later flush to what the loop sends. */
    private void adopt(@Nullable Segment chain) {
        if (!loopSends && !connection.add(SENDING, CLOSED)) {
            Segment.freeAll(chain);
            return;
        }
        queue().add(chain);
        continueOnLoop(true);
    }

    private void withdraw() {
        if (loopSends) {
            connection.transport().stopSending(); // which may tell of bytes that were sent just now
        }
        if (loopSends) {
            long keep = Math.max(0, withdrawFrom - sent);
            SendQueue rest = queue();
            rest.truncate(keep);
            enqueued = sent + keep;
            if (keep == 0) {
                giveBack();
                connection.drained();
            } else {
                connection.transport().sendRest(rest);
            }
        }
        withdrawn = true;
        wake();
    }

    void progressed(long bytes, boolean drained) {
        advance(bytes);
        progressAt = System.nanoTime();
        if (drained) {
            giveBack();
            if (connection.has(OUTPUT_SHUT) && unsent() == 0) {
                shutdownNow();
            }
        } else {
            connection.ensureArmed(stallDeadline());
        }
        wake();
    }

    private void shutdownNow() {
        try {
            connection.transport().shutdownOutput();
        } catch (TransportException e) {
            connection.noteErrno(e.errno()); // the peer is gone already, which the poller tells
        }
    }

    private void giveBack() {
        loopSends = false;
        releaseRole();
    }

    /** {@return whether bytes that were promised to be sent are still on their way; loop} */
    boolean owesBytes() {
        return sent < promised && !connection.has(BROKEN | CLOSED);
    }

    /** {@return when the peer counts as stuck because it takes nothing of what was promised, or NEVER; loop} */
    long stallDeadline() {
        long limit = timeoutNanos();
        return !loopSends || sent >= promised || limit == NEVER ? NEVER : progressAt + limit;
    }

    /** The transport is closed: the loop lets go of the queue. */
    void closedOnLoop() {
        if (loopSends) {
            giveBack();
        }
        wake();
    }
}
