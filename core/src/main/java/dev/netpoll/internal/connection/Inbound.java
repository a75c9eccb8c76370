// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.PEER_ENDED;
import static dev.netpoll.internal.connection.ConnectionState.PEER_FINISHED;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.FrameTooLargeException;
import dev.netpoll.PeerClosedException;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.memory.ByteSource;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentReader;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The reading thread's half of the inbound side: it moves segments from the inbox into its own buffer, and waits if
 * there are too few bytes. {@link Delivery} is the loop's half.
 *
 * <ul>
 *   <li>B4 A reader that must give up its buffer because of a close takes nothing more out of the inbox: those bytes
 *       would follow a hole.
 * </ul>
 */
final class Inbound extends Delivery implements ByteSource {
    /** How often a beginning run tries to get the side from a thread that should not use it. */
    private static final int TRIES = 100;

    /** Bytes taken out of the inbox; null if there are none, so that an idle connection has no buffer. User only. */
    private @Nullable SegmentReader buffer;

    /** Whether a run of a callback holds the side until it ends. Written by the run's thread, which is the user. */
    private boolean held;

    /** Whether the collector frees the buffer of this ended connection. User only. */
    private boolean leftToCollector;

    /** Stream position of the end of the buffer. User only. */
    private long taken;

    Inbound(Link link) {
        super(link);
    }

    @Override
    Duration defaultTimeout() {
        return link.config().options().readTimeout();
    }

    @Override
    String operation() {
        return "read";
    }

    // ---- reading side ----

    @Override
    public SegmentPool pool() {
        return SegmentPool.shared();
    }

    /** Moves what was delivered into the buffer. */
    @Override
    public void take() {
        if (!hasArrived()) {
            return;
        }
        SegmentReader to = buffer(); // first: creating it may fail
        boolean sound = false;
        try {
            long before = to.length();
            to.append(takeArrived());
            taken += to.length() - before;
            sound = true;
        } finally {
            if (!sound) { // an Error: bytes may be missing
                link.loop.looksAtAll = true;
                link.giveUp();
            }
        }
    }

    /** <i>User.</i> {@return the buffer, created if needed} */
    SegmentReader buffer() {
        SegmentReader present = buffer;
        if (present == null) {
            Spares spares = link.spares();
            present = spares != null
                    ? spares.takeReader()
                    : new SegmentReader(link.loop().memory());
            buffer = present;
        }
        return present;
    }

    /** <i>User.</i> {@return how many bytes are in the buffer} */
    long unread() {
        SegmentReader present = buffer;
        return present == null ? 0 : present.length();
    }

    /** Ends the views, then gives up the buffer if it is empty. */
    private void releaseBuffer() {
        SegmentReader present = buffer;
        if (present != null) {
            present.release();
            if (!present.holdsMemory()) {
                buffer = null;
                Spares spares = link.spares();
                if (spares != null) {
                    spares.giveBack(present);
                }
            }
        }
    }

    @Override
    public SegmentReader require(long n) throws IOException {
        if (isHeld()) { // nearly every read of a handler takes this path: short, so that the compiler inlines it
            SegmentReader present = buffer;
            if (present != null && present.length() >= n) {
                return present;
            }
        }
        return enterFor(n);
    }

    private SegmentReader enterFor(long n) throws IOException {
        enter();
        boolean there = false;
        try {
            if (unread() < n) {
                requireMore(n);
            }
            SegmentReader present = buffer();
            there = true;
            return present;
        } finally {
            if (!there) {
                done();
            }
        }
    }

    @Override
    public @Nullable SegmentReader requireAny() throws IOException {
        try {
            return require(1);
        } catch (PeerClosedException e) {
            return null;
        }
    }

    /** Ends what {@link #require} began. */
    @Override
    public void done() {
        if (!held && isUser()) {
            leave();
        }
    }

    /** <i>User, outside of a run.</i> Ends the use, and asks for a run that this use has kept out. */
    void leave() {
        exit();
        link.readerLeft();
    }

    /**
     * Reserves the side for a run on the calling thread until {@link #letGo}; {@return false if another thread has it}
     */
    boolean hold() {
        for (int i = 0; i < TRIES; i++) {
            if (tryEnter()) {
                held = true;
                return true;
            }
            Thread.onSpinWait();
        }
        return false;
    }

    /** {@return whether the calling thread runs a callback of the connection} */
    boolean isHeld() {
        return held && isUser();
    }

    /** <i>Holder of RUNNING.</i> Ends what {@link #hold} began. */
    void letGo() {
        held = false;
        exitInRun();
    }

    private void requireMore(long n) throws IOException {
        if (isClosedUnder()) { // B4
            freeUnseen();
            throw ConnectionErrors.closed(link, "read");
        }
        take();
        if (unread() >= n) {
            return;
        }
        checkFrame(n);
        if (ended(n)) {
            return;
        }
        refuseIfKept();
        refuseOnLoop(
                "reading " + n + " bytes while only " + unread() + " are there",
                "look at readableBytes() and use Connection.demand()");
        waitFor(n);
    }

    /** A reader that keeps more than the mark and a frame in views and slices would wait for itself. */
    private void refuseIfKept() {
        long most = mostKept();
        if (retained().bytes() >= most) {
            SegmentReader present = buffer;
            long kept = retained().keptBytes() + (present == null ? 0 : present.chargedForViews());
            if (kept >= most) {
                throw ConnectionErrors.keeps(kept, most);
            }
        }
    }

    private void waitFor(long n) throws IOException {
        long begin = System.nanoTime();
        beginWait();
        try {
            awaitPosition(consumed() + n, true);
            for (; ; ) {
                take();
                if (unread() >= n || ended(n)) {
                    return;
                }
                if (!await(begin)) {
                    throw ConnectionErrors.readTimeout(link, n, unread(), System.nanoTime() - begin);
                }
            }
        } finally {
            boolean handled = !held && link.hasHandler(); // the handler goes on when this reader has left
            endAwaiting(handled ? taken - unread() + 1 : 0);
            endWait();
        }
    }

    /** Throws if no more bytes come; true if the bytes came just before the end, false if more may come. */
    private boolean ended(long n) throws IOException {
        int state = link.state();
        if ((state & (PEER_ENDED | CLOSING | CLOSED)) == 0) {
            return false;
        }
        if ((state & (CLOSING | PEER_ENDED)) == PEER_FINISHED || (state & (CLOSING | BROKEN)) == BROKEN) {
            take(); // the loop delivers all bytes before it reports the end
            if (unread() >= n) {
                return true;
            }
            throw (state & BROKEN) != 0
                    ? ConnectionErrors.broken(link, "read", 0)
                    : ConnectionErrors.peerClosed(link, n, unread());
        }
        if (isClosedUnder()) {
            freeUnseen();
        }
        throw ConnectionErrors.closed(link, "read");
    }

    void checkFrame(long n) throws FrameTooLargeException {
        if (n > link.config().options().maxFrameLength()) {
            throw ConnectionErrors.tooLarge(link, n);
        }
    }

    /** {@return whether the connection was closed under its reader, which must free its memory now} */
    private boolean isClosedUnder() {
        return (link.state() & (CLOSING | ConnectionState.RUNNING | ConnectionState.DETACHING)) == CLOSING;
    }

    @Override
    public long readable() {
        if (isHeld()) { // during a run, closing leaves the buffer alone
            take();
            return unread();
        }
        return enterForReadable();
    }

    private long enterForReadable() {
        if (link.has(ConnectionState.PREPARING)) {
            return 0;
        }
        try {
            enter();
        } catch (ConnectionClosedException e) {
            return 0;
        }
        try {
            if (isClosedUnder()) {
                freeUnseen();
                return 0;
            }
            take();
            return unread();
        } finally {
            done();
        }
    }

    /**
     * {@return whether nothing waits to be read, not even bytes that the loop is about to push} Compares positions and
     * not the inbox, which the loop empties for a moment when it merges. False if the side is in use.
     */
    boolean isEmpty() {
        boolean nested = isUser();
        if (!nested && !tryEnter()) {
            return false;
        }
        try {
            take();
            return unread() == 0 && taken == delivered();
        } finally {
            if (!nested) {
                leave();
            }
        }
    }

    /** Frees consumed memory, or all of it if the connection was closed. */
    @Override
    public void release() {
        if (!enterInAnyCase()) {
            return;
        }
        try {
            releaseBuffer();
            if (isClosedUnder()) {
                freeUnseen();
            }
        } finally {
            done();
        }
    }

    @Override
    void freeUnseen() {
        if (link.has(CLOSED)) { // nothing is added any more
            Segment.freeAll(takeArrived());
        }
        SegmentReader present = buffer;
        if (present != null) {
            present.abandon();
            buffer = null;
        }
    }

    @Override
    void freeAll() {
        if (link.has(CLOSED)) {
            Segment.freeAll(takeArrived());
        }
        SegmentReader present = buffer;
        if (present != null) {
            buffer = null;
            present.clear();
        }
    }

    /** Creates the buffer, so that {@link #seed} cannot fail. */
    void makeBuffer() {
        SegmentReader _ = buffer();
    }

    /**
     * Adds bytes that were received before the connection existed. Call it after {@link #makeBuffer} and before the
     * start. The bytes count like any others, so reading may begin paused.
     */
    void seed(@Nullable Segment bytes) {
        for (Segment s = bytes; s != null; s = s.next) {
            taken += s.length();
        }
        deliveredBefore(bytes, taken);
        buffer().append(bytes);
    }

    // ---- what a run waits for, on the holder of RUNNING; see Due ----

    /** {@return whether a run already has the side, so that the calling thread, its holder, need not enter it} */
    boolean isHolder() {
        return held;
    }

    /** {@return the stream position of the end of the buffer} */
    long taken() {
        return taken;
    }

    /** {@return the stream position up to which the user has consumed} */
    long consumed() {
        return taken - unread();
    }

    /** Frees consumed memory. */
    void giveBack() {
        releaseBuffer();
        noteLeft(buffer);
    }

    /** Like {@link #giveBack} if no run follows: the rest is for a reader, and stalls nothing. */
    void giveBackUnhandled() {
        releaseBuffer();
    }

    @Override
    boolean mayKeep() {
        return retained().mayStay();
    }

    @Override
    void keepForUser() {
        take();
        SegmentReader present = buffer;
        if (present != null && !leftToCollector) { // each use after the end comes here
            try {
                freeWhenUnreachable(link, present, null);
                leftToCollector = true;
            } catch (OutOfMemoryError | StackOverflowError e) {
                freeUnseen(); // rather than for ever
            }
        }
    }

    /**
     * <i>Loop</i>, while the side's user waits. {@return all unread bytes, which now belong to the caller}
     *
     * @param ownViews whether the views are the user's own and end here; others may belong to another thread
     */
    @Nullable
    Segment takeAll(boolean ownViews) {
        SegmentReader present = buffer;
        if (present == null) {
            return takeArrived(); // as it is: creating a buffer may fail
        }
        take();
        Segment unread = ownViews ? present.take() : present.takeBesideViews();
        buffer = null;
        return unread;
    }
}
