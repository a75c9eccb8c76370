// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.BROKEN;
import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;
import static dev.netpoll.internal.connection.ConnectionState.PEER_ENDED;
import static dev.netpoll.internal.connection.ConnectionState.PEER_FINISHED;

import dev.netpoll.ConnectionClosedException;
import dev.netpoll.ConnectionOptions;
import dev.netpoll.FrameTooLargeException;
import dev.netpoll.PeerClosedException;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.loop.Spares;
import dev.netpoll.internal.memory.ByteSource;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentPool;
import dev.netpoll.internal.memory.SegmentReader;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The inbound side: the loop puts segments into the inbox, the reading thread moves them into a buffer of its own.
 *
 * <p>Progress is told in positions of the stream, which only grow: {@code delivered} is where the loop has got to,
 * {@code target} is where the reading side wants it to get to. A blocked read waits for a target, and so does an idle
 * handler: whoever finds {@code delivered >= target} wakes the one or starts the other.
 *
 * <ul>
 *   <li>B1 The loop pushes into the inbox, then raises {@code delivered} (volatile), then looks at {@code target}. The
 *       reading side sets {@code target} (volatile), then looks into the inbox. So no bytes are left unnoticed.
 *   <li>B2 Reading pauses while the memory retained is above the high mark, unless somebody waits for a position that
 *       was not reached: a blocked read, or a handler that demanded. The loop sets {@code paused}, then looks again;
 *       others change what the rule depends on, then look at {@code paused}. It pauses in any case while more than its
 *       share is retained and the group's memory is used up, unless the connection is the favoured one.
 *   <li>B3 A reader that is to give its buffer up because of a close takes nothing more out of the inbox: those bytes
 *       would follow a hole.
 *   <li>B4 A run that is due does not begin while another thread uses the side; that one gives the side up (volatile),
 *       then looks whether a run is due. The loop raises {@code delivered} (volatile), then looks for a user.
 * </ul>
 */
final class Inbound extends Inbox implements ByteSource {
    /** How often a run that begins tries to get the side from a thread that should not use it. */
    private static final int TRIES = 100;

    /** The target while nobody waits: a handler is running, or there is none. */
    private static final long NOBODY = 0;

    /** What the user has taken; null when that is nothing, so that an idle connection has no buffer. User only. */
    private @Nullable SegmentReader buffer;

    /** Whether a run of a callback holds the side until it ends. Written by its thread, which is the user then. */
    private boolean held;

    private volatile long delivered;
    private volatile long target = NOBODY;

    /** What received segments hold, wherever they are: inbox, buffer, slices, views. */
    private final Retained retained;

    /** Made with the first slice. */
    volatile Retained.@Nullable Kept kept;

    /** Made when the group's memory was used up for the first time. Loop only. */
    private Share.@Nullable Waiter waiter;

    /** Whether reading is paused because the group's memory is used up; its timer looks again. Written by the loop. */
    private volatile boolean starved;

    /** Whether the target is somebody's wish, which goes before the mark, and not only "something new" (B2). */
    private volatile boolean insistent;

    private volatile boolean paused;
    private volatile boolean pausedByUser;

    /** Whether what the last run has left unread stalls reading by itself. Written by the holder of RUNNING. */
    private volatile boolean leftMuch;

    /** Stream position of the end of the buffer. User only. */
    private long taken;

    Inbound(Link link) {
        super(link);
        retained = new Retained(this);
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
        SegmentReader to = buffer(); // first: making one may fail
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

    /** <i>User.</i> {@return the buffer, made if need be} */
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

    /** Ends the views, and gives up a buffer that is empty then. */
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

    /** <i>User, outside of a run.</i> Ends the use, and asks for a run that it has kept out. */
    void leave() {
        exit();
        link.readerLeft();
    }

    /**
     * A run of a callback, on the calling thread, is the only reader until {@link #letGo}; {@return false if it can't
     * be}
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
        if (isClosedUnder()) { // B3
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

    /** Who holds the mark and a frame in views and slices, and waits for more, might wait for itself. */
    private void refuseIfKept() {
        long most = mostKept();
        if (retained.bytes() >= most) {
            SegmentReader present = buffer;
            long kept = retained.keptBytes() + (present == null ? 0 : present.chargedForViews());
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
                    throw ConnectionErrors.readTimeout(link, n, unread());
                }
            }
        } finally {
            boolean handled = !held && link.hasHandler(); // which goes on when this reader has left
            target = handled ? taken - unread() + 1 : NOBODY;
            insistent = false;
            endWait();
        }
    }

    /** Throws if no more bytes come; true if the bytes came just before the end, false if there may be more to come. */
    private boolean ended(long n) throws IOException {
        int state = link.state();
        if ((state & (PEER_ENDED | CLOSING | CLOSED)) == 0) {
            return false;
        }
        if ((state & (CLOSING | PEER_ENDED)) == PEER_FINISHED || (state & (CLOSING | BROKEN)) == BROKEN) {
            take(); // the loop delivers everything before it tells the end
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

    /** {@return whether the connection was closed under its reader, who gives its memory back now} */
    private boolean isClosedUnder() {
        return (link.state() & (CLOSING | ConnectionState.RUNNING | ConnectionState.DETACHING)) == CLOSING;
    }

    @Override
    public long readable() {
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
     * {@return whether nothing waits to be read, also nothing that the loop is about to push: what was delivered is
     * compared with what was taken, not the inbox, which the loop empties for a moment when it merges} False if the
     * side is in use.
     */
    boolean isEmpty() {
        boolean nested = isUser();
        if (!nested && !tryEnter()) {
            return false;
        }
        try {
            take();
            return unread() == 0 && taken == delivered;
        } finally {
            if (!nested) {
                leave();
            }
        }
    }

    /** Gives back what was consumed, and all of it if the connection was closed. */
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

    /** What {@link #seed} needs, so that it does not fail. */
    void makeBuffer() {
        SegmentReader _ = buffer();
    }

    /**
     * Bytes that were received before the connection existed; before it starts, and after {@link #makeBuffer}. They
     * count as any others, so that reading may begin paused.
     */
    void seed(@Nullable Segment bytes) {
        for (Segment s = bytes; s != null; s = s.next) {
            taken += s.length();
            retained.recharge(s);
        }
        delivered = taken;
        buffer().append(bytes);
    }

    // ---- what a run waits for, on the holder of RUNNING; see Due ----

    /** {@return whether a run of a callback has the side, so that the calling thread, its holder, need not take it} */
    boolean isHolder() {
        return held;
    }

    /** {@return the stream position of the end of the buffer} */
    long taken() {
        return taken;
    }

    /** {@return the stream position up to which everything was consumed} */
    long consumed() {
        return taken - unread();
    }

    /** Gives back what was consumed. */
    void giveBack() {
        releaseBuffer();
        noteLeft();
    }

    /** As {@link #giveBack}, where no run follows: what is left is for a reader, and stalls nothing. */
    void giveBackUnhandled() {
        releaseBuffer();
    }

    /** Nobody waits while a handler runs. */
    void awaitNothing() {
        target = NOBODY;
        insist(false);
    }

    /**
     * The next run, or a blocked read, waits until the loop has delivered up to {@code position}.
     *
     * @param insists whether that goes before the mark (B2)
     */
    void awaitPosition(long position, boolean insists) {
        insist(insists);
        target = position; // B1
        updateIfPaused();
    }

    /** {@return whether what is awaited has come} Any thread. */
    boolean hasCome() {
        long t = target;
        return t != NOBODY && delivered >= t;
    }

    /** {@return the stream position up to which the loop has delivered} Any thread. */
    long delivered() {
        return delivered;
    }

    private void insist(boolean insists) {
        if (insistent != insists) {
            insistent = insists;
        }
    }

    /** Only a run that leaves much takes the time. */
    private void noteLeft() {
        SegmentReader present = buffer;
        int mark = link.config().options().inboundLowMark();
        boolean much = present != null && retained.bytes() >= mark && present.charged() >= mark;
        if (leftMuch != much) { // as below: a volatile store takes longer than all of this
            leftMuch = much;
        }
    }

    // ---- event loop ----

    /** Takes over received bytes and tells the reading side. */
    void deliver(Segment segments) {
        long bytes = 0;
        Segment next;
        for (Segment s = segments; s != null; s = next) {
            next = s.next;
            s.next = null;
            bytes += s.length();
            if (!mergeArrived(s)) {
                retained.charge(s);
                pushArrived(s);
            }
        }
        Share.Waiter favoured = waiter;
        if (favoured != null) {
            link.loop().budget().turns().progress(favoured);
        }
        long position = delivered + bytes; // only the loop writes it
        delivered = position; // B1
        link.transport().arrived();
        tell();
        updatePaused();
    }

    /** Wakes the blocked reader, or starts a run that is due, unless another thread has the side, see B4. */
    void tell() {
        if (hasCome() && !wake() && !isUsedByOther()) {
            link.runHandler();
        }
    }

    void pauseByUser(boolean pause) {
        StackRoom.needSome(); // a call that has failed must not have paused for ever
        pausedByUser = pause;
        link.signal();
    }

    boolean isPaused() {
        return paused || pausedByUser;
    }

    boolean isPausedByUser() {
        return pausedByUser;
    }

    /** Some of what was retained was given back, so that {@code left} bytes still are. Any thread. */
    void released(long left) {
        if (!paused || pausedByUser) {
            return;
        }
        int mark = link.config().options().inboundLowMark();
        if (left <= Share.BYTES || (!starved && (left < mark || isWanted()))) {
            updateLater();
        }
    }

    private void updateIfPaused() {
        if (paused && !pausedByUser) {
            updateLater();
        }
    }

    private void updateLater() {
        if (!link.has(CLOSED)) {
            link.signal();
        }
    }

    /** <i>Loop.</i> Pauses or resumes as the rule B2 says. */
    void updatePaused() {
        if (link.has(CLOSED | ConnectionState.PEER_ENDED)) {
            leaveBudget();
            return;
        }
        boolean starvedBefore = starved;
        if (!paused && shouldPause(link.config().options().inboundHighMark())) {
            paused = true;
            link.transport().pauseReading();
        }
        if (paused && !shouldPause(link.config().options().inboundLowMark())) {
            paused = false;
            link.timer().touch(); // before, the peer could not show that it lives
            link.transport().resumeReading();
        }
        if (starved && !starvedBefore) {
            link.timer().lookSoon(); // also one that paused for another reason before
        }
    }

    private boolean shouldPause(int mark) {
        return pausedByUser || isStarving(isWanted()) || isAbove(mark);
    }

    /** {@return whether somebody waits for bytes that have not come, which goes before the mark, up to a bound} */
    private boolean isWanted() {
        return insistent && delivered < target && retained.keptBytes() < mostKept();
    }

    private long mostKept() {
        ConnectionOptions options = link.config().options();
        return (long) options.inboundHighMark() + options.maxFrameLength();
    }

    /** {@return whether so much is retained that reading pauses by itself} Any thread. */
    private boolean isAbove(int mark) {
        return !isWanted() && retained.bytes() >= mark;
    }

    /**
     * <i>Loop.</i> {@return whether it has to wait for memory}
     *
     * @param wanted whether somebody waits for bytes: nobody else is favoured, who would only hold more
     */
    private boolean isStarving(boolean wanted) {
        MemoryBudget budget = link.loop().budget();
        boolean spent = retained.bytes() > Share.BYTES && budget.isExceeded();
        Share.Waiter mine = waiter;
        if (!spent) {
            starved = false;
            if (mine != null && (!wanted || retained.bytes() <= Share.BYTES)) {
                budget.turns().satisfied(mine);
            }
            return false;
        }
        if (mine == null) {
            mine = new Share.Waiter(link, retained);
            waiter = mine;
        }
        starved = !mine.goesOn(wanted ? target - delivered : 0);
        return starved;
    }

    /** {@return whether reading is paused for want of the group's memory} */
    boolean isStarved() {
        return starved;
    }

    /** {@return what it holds, and what of that the program keeps in slices} Any thread. */
    Retained retained() {
        return retained;
    }

    /** {@return whether bytes of the peer's wait for memory: then it is not the peer who is idle} */
    boolean keepsPeerWaiting() {
        return starved && link.transport().peek() > 0;
    }

    /**
     * {@return whether reading pauses because of what a handler left unread, and neither goes on nor a run is due} Not
     * if it pauses because of slices: it goes on when they are closed.
     */
    boolean isStalled() {
        int mark = link.config().options().inboundLowMark();
        return paused && !pausedByUser && !starved && leftMuch && !hasCome() && isAbove(mark);
    }

    @Override
    void keepForUser() {
        take();
        SegmentReader present = buffer;
        if (present != null) {
            try {
                Orphans.adopt(link, present, null);
            } catch (OutOfMemoryError | StackOverflowError e) {
                freeUnseen(); // rather than for ever
            }
        }
    }

    /** The connection has ended: what is given back from now on resumes no reading. */
    void detachRetained() {
        retained.detach();
        leaveBudget();
    }

    private void leaveBudget() {
        Share.Waiter mine = waiter;
        if (mine != null) {
            mine.leave();
        }
    }

    /**
     * {@return all bytes that were not read, which are the caller's now} <i>Loop</i>, for the side's user, who waits.
     */
    @Nullable
    Segment takeAll() {
        SegmentReader present = buffer;
        if (present == null) {
            return takeArrived(); // as it lies: making a buffer may fail
        }
        take();
        buffer = null;
        return present.take();
    }
}
