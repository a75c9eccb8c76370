// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.CUT;
import static dev.netpoll.internal.connection.ConnectionState.OUTPUT_SHUT;

import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.loop.EventLoop;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.memory.ByteSink;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentWriter;
import dev.netpoll.internal.transport.Errno;
import dev.netpoll.internal.transport.SendQueue;
import dev.netpoll.internal.transport.Transport;
import dev.netpoll.internal.transport.TransportException;
import dev.netpoll.memory.MemoryLimitException;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The outbound side. The writing thread fills its own buffer; a flush moves the bytes into the send queue and nearly
 * always, on the same thread, to the kernel. The loop sends what the kernel does not take at once; see
 * {@link SendRole}.
 *
 * <p>A write is one use of the side, so threads may alternate between messages. But a thread that runs a callback or
 * has reserved memory stays the user until its flush, or until nothing is pending any more. A flush waits until its
 * bytes are {@code sent}, unless it may leave them to the loop:
 *
 * <ul>
 *   <li>O1 on an event loop, where nothing waits, below the high mark;
 *   <li>O2 in a handler that runs on its loop, which has lent its baton, also below the high mark: waiting would cost
 *       the loop a hand-over. The next run begins when the peer has taken these bytes.
 *   <li>O3 A flush never leaves bytes in the user's memory: it may be gone after the flush returns. A flush that cannot
 *       wait copies what the kernel has not taken.
 *   <li>O4 If a run returns with unflushed bytes, the loop flushes them and cannot wait. If they exceed the mark, the
 *       next run begins when the peer has taken them.
 * </ul>
 */
final class Outbound extends FlushWait implements ByteSink {
    /**
     * Bytes written and not flushed; null when there are none, so that an idle connection has no buffer. User only.
     */
    private @Nullable SegmentWriter buffer;

    /** Whether the user may write into the buffer's memory without a call. User only. */
    private boolean reserved;

    Outbound(Link link) {
        super(link);
    }

    @Override
    Duration defaultTimeout() {
        return link.config().options().writeTimeout();
    }

    @Override
    String operation() {
        return "write";
    }

    @Override
    void freeUnseen() {
        SegmentWriter present = buffer;
        if (present != null) {
            buffer = null;
            present.abandon();
        }
    }

    @Override
    void freeAll() {
        Segment.freeAll(takePending());
    }

    /** The connection has ended while a message was being written: its memory is freed when it is unreachable. */
    void leaveToCollector() {
        SegmentWriter present = buffer; // racy: the user may free it first, and then the cleaner has nothing to do
        if (isUsed() && present != null) {
            freeWhenUnreachable(link, null, present);
        }
    }

    // ---- writing ----

    @Override
    public SegmentWriter beginWrite() throws IOException {
        enter();
        SegmentWriter present = buffer;
        boolean begun = false;
        try {
            checkOpen();
            if (present == null) {
                Spares spares = link.spares();
                present = spares != null
                        ? spares.takeWriter()
                        : SegmentWriter.ofConnection(link.loop().memory());
                buffer = present;
            }
            begun = true;
            return present;
        } finally {
            if (!begun) {
                done();
            }
        }
    }

    @Override
    public void done() {
        if (!isUser()) {
            return;
        }
        if (pending() == 0) { // nothing was written, or it was taken back
            dropPending();
        } else if (!reserved && !link.isHeldByRun()) {
            exit();
        }
    }

    @Override
    public void reserved() {
        reserved = true;
        done();
    }

    /** {@return whether everything written is flushed, and nothing in part} False if the side is in use. */
    boolean isEmpty() {
        boolean nested = isUser();
        if (!nested && !tryEnter()) {
            return false;
        }
        try {
            return pending() == 0 && !isUnfinished();
        } finally {
            if (!nested) {
                exit();
            }
        }
    }

    @Override
    public long pending() {
        SegmentWriter present = buffer;
        return present == null ? 0 : present.pending();
    }

    /** Takes the pending bytes, and gives up the buffer. */
    private @Nullable Segment takePending() {
        SegmentWriter present = buffer;
        if (present == null) {
            return null;
        }
        Segment taken = present.take();
        buffer = null;
        reserved = false;
        Spares spares = link.spares();
        if (spares != null) {
            spares.giveBack(present);
        }
        return taken;
    }

    private void checkOpen() throws IOException {
        if (wrecked) {
            link.noteWreck();
            link.giveUp(); // the Error may have prevented this before
            throw ConnectionErrors.closed(link, "write");
        }
        int state = link.state();
        if ((state & (CLOSING | CLOSED | BROKEN | OUTPUT_SHUT | CUT)) == 0) {
            return;
        }
        if ((state & (CLOSING | ConnectionState.RUNNING)) == CLOSING) {
            freeAll();
        }
        if ((state & CLOSING) != 0) {
            throw ConnectionErrors.closed(link, "write");
        }
        if ((state & BROKEN) != 0) {
            throw ConnectionErrors.broken(link, "write", 0);
        }
        if ((state & CUT) != 0) {
            throw ConnectionErrors.cut(link, "write");
        }
        throw (state & CLOSED) != 0 ? ConnectionErrors.closed(link, "write") : ConnectionErrors.outputShut(link);
    }

    /** Drops pending bytes. */
    void dropPending() {
        if (isUser()) {
            try {
                freeAll();
            } finally {
                exit();
            }
        }
    }

    // ---- flushing ----

    /** Sends what was written; see {@link dev.netpoll.buffer.Writer#flush()}. */
    @Override
    public void flush() throws IOException {
        flush(false);
    }

    /**
     * Sends what was written.
     *
     * @param resumable whether the stream may go on after a time-out in the middle of these bytes
     */
    void flush(boolean resumable) throws IOException {
        enter();
        try {
            checkOpen();
            if (pending() > 0) {
                flushPending(resumable, false);
            }
        } finally {
            leaveAfterFlush();
        }
    }

    private void leaveAfterFlush() {
        boolean left = false;
        try {
            if (pending() == 0) {
                exit();
            } else {
                done();
            }
            left = true;
        } finally {
            if (!left) { // still entered, so nobody else could use the side
                wrecked = true;
                link.loop.looksAtAll = true;
            }
        }
    }

    /**
     * A run of a callback has ended: flushes its pending bytes, and leaves the side.
     *
     * @return why the flush failed, or null
     */
    @Nullable
    Exception flushAtEnd() {
        if (!isUser()) {
            return null;
        }
        try {
            if (pending() > 0 && !link.has(CLOSING | CLOSED | BROKEN | OUTPUT_SHUT | CUT)) {
                flushPending(false, true);
            }
            return null;
        } catch (IOException | IllegalStateException | MemoryLimitException e) {
            return e;
        } finally {
            dropPending();
        }
    }

    private void flushPending(boolean resumable, boolean above) throws IOException {
        boolean onLoop = EventLoop.onLoop();
        long bytes = pending();
        long from = enqueued;
        flushFrom = from;
        this.resumable = resumable;
        if (onLoop && !above && !isWritable()) {
            freeAll(); // otherwise a handler that ignores the exception would write without bound
            throw ConnectionErrors.wouldBlock(
                    "flushing with " + unsent() + " bytes unsent", "look at Connection.isWritable()");
        }
        if (deadlinePassed()) {
            freeAll(); // as after any other failed flush
            throw ConnectionErrors.deadlinePassed(link, bytes);
        }
        if (onLoop && from != sent()) {
            endLoans();
        }
        link.loop().stir();
        boolean lent = !onLoop && mayLeave(from + bytes - sent());
        int result;
        boolean sound = false;
        try { // from here on any failure, even on the way into a call, may leave the role taken
            result = take() ? sendOrKeep(from, onLoop, lent) : addToLoop(onLoop || lent);
            sound = true;
        } finally {
            if (!sound) {
                wrecked = true;
                link.loop.looksAtAll = true;
                link.giveUp();
            }
        }
        if (result < 0) {
            throw sendFailed(result, from);
        }
        if (result != Transport.SENT && !onLoop && !lent) {
            waitSent(from, enqueued);
        }
        if (onLoop && above && !isWritable()) {
            holdRuns(); // O4
        }
    }

    /** Copies borrowed memory: the bytes must wait behind earlier ones, but the flush does not (O3). */
    private void endLoans() {
        SegmentWriter written = buffer;
        if (written != null && written.hasUserMemory()) {
            try {
                written.endLoans(); // if this fails, all of it is dropped, as after any other failed flush
            } catch (IllegalStateException | InternalError e) { // freed, or its file was truncated
                throw ConnectionErrors.lentMemoryIsGone();
            }
        }
    }

    /** {@return whether a handler on its lent loop may leave unsent bytes} O2, O3 */
    private boolean mayLeave(long unsent) {
        SegmentWriter written = buffer;
        return hasLentLoop()
                && unsent <= link.config().options().outboundHighMark()
                && written != null
                && !written.hasUserMemory();
    }

    /** <i>Holder of the role.</i> Sends, or leaves the bytes to the loop; {@return as {@link Transport#send}} */
    private int sendOrKeep(long from, boolean onLoop, boolean lent) {
        Segment chain = null;
        try {
            SendQueue unsent = queue();
            long waiting = unsent.bytes();
            boolean gathered = lent && isGathered(waiting + pending());
            chain = takePending();
            unsent.add(chain);
            chain = null;
            enqueued(from + unsent.bytes() - waiting); // not pending(): an Error inside a write may have left it wrong
            return gathered && keep() ? Transport.GATHERED : sendNow(onLoop || lent, lent);
        } finally {
            if (chain != null) { // an Error: it is freed when the connection is closed
                incoming = chain;
            }
        }
    }

    /** Another thread has the role: leaves the bytes to the loop; {@return {@code WOULD_BLOCK}} */
    private int addToLoop(boolean leaves) {
        Segment chain = null;
        try {
            chain = takePending();
            if (chain != null) {
                enqueued(enqueued + Segment.bytesOfAll(chain));
                addIncoming(chain, leaves);
                chain = null;
            }
            tellLoop();
            return Transport.WOULD_BLOCK;
        } finally {
            if (chain != null) { // an Error: it is freed when the connection is closed
                incoming = chain;
            }
        }
    }

    private IOException sendFailed(int result, long from) {
        int errno = -result;
        long ofFlush = Math.max(0, sent() - from);
        if (!link.has(CUT)) {
            enqueued = sent(); // nothing is in flight, and the refused bytes are dropped
        }
        if (link.has(CLOSING)) {
            return ConnectionErrors.closed(link, "write");
        }
        if (errno == Errno.EBADF || link.has(BROKEN)) { // the loop has already found it broken, and closed it
            return ConnectionErrors.broken(link, "write", ofFlush);
        }
        if (errno == Errno.EFAULT) {
            throw ConnectionErrors.lentMemoryIsGone();
        }
        if (result == NO_MEMORY) {
            throw new MemoryLimitException("no memory to copy what writeDirect lent and the kernel did not take");
        }
        // The loop finds the error itself after reading what came before it, but not if there is nothing left to read.
        boolean ours = errno == Errno.ENOMEM || errno == Errno.ENOBUFS;
        if (!ours) {
            link.noteErrno(errno);
            link.add(ConnectionState.SEND_REFUSED); // so the peer counts as lost even if the handler closes first
            if (link.has(ConnectionState.PEER_FINISHED)) {
                link.signal();
            }
        }
        return ConnectionErrors.broken(link, "write", errno, ofFlush);
    }

    /** Flushes, then tells the peer that nothing follows. */
    void shutdown() throws IOException {
        if (link.has(OUTPUT_SHUT) && !link.has(CLOSING)) {
            return;
        }
        StackRoom.needMuch();
        enter();
        try { // keeps the side, so that no flush begins before the end
            checkOpen();
            if (pending() > 0) {
                flushPending(false, false);
            }
            if (isUnfinished()) {
                throw ConnectionErrors.unfinished(link, "shutdownOutput");
            }
            link.add(OUTPUT_SHUT);
            if (isEndDue()) { // otherwise the holder of the role does so when it releases it
                sendEndNow();
            }
        } finally {
            leaveAfterFlush();
        }
    }

    private void sendEndNow() throws IOException {
        boolean sound = false;
        try {
            link.transport().shutdownOutput();
            sound = true;
        } catch (TransportException e) {
            sound = true;
            throw ConnectionErrors.broken(link, "shutdownOutput", e.errno(), 0);
        } finally {
            if (!sound) { // an Error: nobody else will send it
                wrecked = true;
                link.loop.looksAtAll = true;
            }
        }
    }
}
