// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.CLOSED;
import static dev.netpoll.internal.connection.ConnectionState.CLOSING;

import dev.netpoll.ConnectionOptions;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentReader;
import org.jspecify.annotations.Nullable;

/**
 * The loop's half of the inbound side: it pushes received segments into the {@link Inbox}, wakes the reader or starts a
 * run, and pauses reading while too much memory is retained. {@link Inbound} is the reader's half.
 *
 * <p>Stream positions measure progress, and only grow: {@code delivered} is how far the loop has come, {@code target}
 * how far the reading side wants it to come. A blocked read waits for a target, and so does an idle handler. The side
 * that finds {@code delivered >= target} wakes the reader or starts the handler.
 *
 * <ul>
 *   <li>B1 The loop pushes into the inbox, then raises {@code delivered} (volatile), then looks at {@code target}. The
 *       reading side sets {@code target} (volatile), then looks into the inbox. So no bytes are missed.
 *   <li>B2 Reading pauses while the retained memory is above the high mark, unless somebody waits for a position that
 *       was not reached: a blocked read, or a handler that demanded. If the peer has ended, and nobody will read what
 *       is above the mark, the loop reads on to the end. The loop sets {@code paused}, then checks again; others change
 *       what the rule depends on, then check {@code paused}. Even then reading pauses while the group's memory is used
 *       up and the connection retains more than its share (or anything, if the process has no memory either), unless
 *       the connection is a favoured one. A connection that its user pauses waits for no memory.
 *   <li>B3 A due run does not begin while another thread uses the side; that thread gives up the side (volatile), then
 *       checks whether a run is due. The loop raises {@code delivered} (volatile), then looks for a user.
 * </ul>
 */
abstract class Delivery extends Inbox {
    /** The target while nobody waits: a handler is running, or there is none. */
    private static final long NOBODY = 0;

    private volatile long delivered;
    private volatile long target = NOBODY;

    /** The memory of received segments, wherever they are: inbox, buffer, slices, views. */
    private final Retained retained;

    /** Created with the first slice. */
    volatile Retained.@Nullable Kept kept;

    /** Created when the group's memory is used up for the first time. Loop only. */
    private Share.@Nullable Waiter waiter;

    /** Whether reading is paused because the group's memory is used up; the timer checks again. Written by the loop. */
    private volatile boolean starved;

    /** Whether somebody needs the target, which then overrides the mark, or it only means "more bytes" (B2). */
    private volatile boolean insistent;

    private volatile boolean paused;
    private volatile boolean pausedByUser;

    /** Whether the mark no longer counts, as the peer has ended and only what the kernel has still comes. */
    private volatile boolean readsToEnd;

    /** Whether the bytes that the last run left unread suffice to stall reading. Written by the holder of RUNNING. */
    private volatile boolean leftMuch;

    Delivery(Link link) {
        super(link);
        retained = new Retained(this);
    }

    // ---- what is awaited: the reading side, or the holder of RUNNING ----

    /** Nobody waits while a handler runs. */
    final void awaitNothing() {
        target = NOBODY;
        insist(false);
    }

    /**
     * The next run, or a blocked read, waits until the loop has delivered up to {@code position}.
     *
     * @param insists whether that overrides the mark (B2)
     */
    final void awaitPosition(long position, boolean insists) {
        insist(insists);
        target = position; // B1
        updateIfPaused();
    }

    /**
     * A blocked read has ended and no longer waits for its position.
     *
     * @param next the position that the next run waits for once the reader has left, or 0 if there is no handler
     */
    final void endAwaiting(long next) {
        target = next;
        insistent = false;
    }

    /** {@return whether the awaited bytes have come} Any thread. */
    final boolean hasCome() {
        long t = target;
        return t != NOBODY && delivered >= t;
    }

    /** {@return the stream position up to which the loop has delivered} Any thread. */
    final long delivered() {
        return delivered;
    }

    private void insist(boolean insists) {
        if (insistent != insists) {
            insistent = insists;
        }
    }

    /** Notes whether a run has left much in the buffer. Only a run that does pays for it. */
    final void noteLeft(@Nullable SegmentReader present) {
        int mark = link.config().options().inboundLowMark();
        boolean much = present != null && retained.bytes() >= mark && present.charged() >= mark;
        if (leftMuch != much) { // as below: a volatile store takes longer than all of this
            leftMuch = much;
        }
    }

    /** Counts bytes that were received before the connection started, as if the loop had delivered them. */
    final void deliveredBefore(@Nullable Segment bytes, long position) {
        for (Segment s = bytes; s != null; s = s.next) {
            retained.recharge(s);
        }
        delivered = position;
    }

    // ---- event loop ----

    /** Takes over received bytes and notifies the reading side. */
    final void deliver(Segment segments) {
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

    /** Wakes the blocked reader, or starts a run that is due, unless another thread has the side, see B3. */
    final void tell() {
        if (hasCome() && !wake() && !isUsedByOther()) {
            link.runHandler();
        }
    }

    final void pauseByUser(boolean pause) {
        StackRoom.needSome(); // a call that fails must not leave reading paused for ever
        pausedByUser = pause;
        link.signal();
    }

    final boolean isPaused() {
        return paused || pausedByUser;
    }

    final boolean isPausedByUser() {
        return pausedByUser;
    }

    /** Some retained memory was freed; {@code left} bytes still are retained. Any thread. */
    final void released(long left) {
        if (!paused || pausedByUser) {
            return;
        }
        int mark = link.config().options().inboundLowMark();
        if (left <= Share.BYTES || (!starved && (left < mark || isWanted()))) {
            updateLater();
        }
    }

    /** The peer has ended behind bytes that the mark would hold back for good: reads them, so that the end is told. */
    final void readToEnd() {
        readsToEnd = true;
        updateLater();
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

    /** <i>Loop.</i> Pauses or resumes reading by rule B2. */
    final void updatePaused() {
        if (link.has(CLOSED | ConnectionState.PEER_ENDED)) {
            leaveBudget();
            return;
        }
        boolean starvedBefore = starved;
        boolean pausedBefore = paused;
        if (!paused && shouldPause(link.config().options().inboundHighMark())) {
            paused = true;
            link.transport().pauseReading();
        }
        if (paused && !shouldPause(link.config().options().inboundLowMark())) {
            paused = false;
            link.timer().touch(); // while paused, the peer could not show activity
            link.transport().resumeReading();
        }
        if (starved && !starvedBefore) {
            link.timer().lookSoon(); // even if it was already paused for another reason
        }
        boolean stalls = (paused && !pausedBefore) || (starvedBefore && !starved);
        if (stalls && link.has(ConnectionState.PEER_GONE)) {
            link.signal(); // nothing else would settle it
        }
    }

    private boolean shouldPause(int mark) {
        if (pausedByUser) {
            if (starved || !paused) { // it wants nothing now: no turn, and its peer waits for the user, not for memory
                starved = false;
                leaveBudget();
            }
            return true;
        }
        return isStarving(isWanted()) || isAbove(mark);
    }

    /** {@return whether somebody waits for bytes that have not come} That overrides the mark, up to a bound. */
    private boolean isWanted() {
        return readsToEnd || (insistent && delivered < target && retained.keptBytes() < mostKept());
    }

    /** {@return how much a program may keep in slices and views and still wait for more, in bytes} */
    final long mostKept() {
        ConnectionOptions options = link.config().options();
        return (long) options.inboundHighMark() + options.maxFrameLength();
    }

    /** {@return whether enough is retained to pause reading} Any thread. */
    private boolean isAbove(int mark) {
        return !isWanted() && retained.bytes() >= mark;
    }

    /**
     * <i>Loop.</i> {@return whether it has to wait for memory}
     *
     * @param wanted whether somebody waits for bytes: only then is it favoured, as others would merely hold more
     */
    private boolean isStarving(boolean wanted) {
        MemoryBudget budget = link.loop().budget();
        // If the process has no memory at all, even the share is too much: it would go to those who have just come.
        boolean spent = (retained.bytes() > Share.BYTES || budget.turns().isShort()) && budget.isExceeded();
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
        starved = !mine.goesOn(wanted ? Math.max(target - delivered, 1) : 0);
        return starved;
    }

    /** {@return whether reading is paused because the group's memory is used up} */
    final boolean isStarved() {
        return starved;
    }

    /** {@return the count of retained memory} Any thread. */
    final Retained retained() {
        return retained;
    }

    /** {@return whether the peer's bytes wait for memory, so that the peer is not idle} */
    final boolean keepsPeerWaiting() {
        boolean counts = isWanted() || !link.has(ConnectionState.PEER_GONE); // else nobody waits for its bytes, nor it
        return starved && counts && link.transport().peek() > 0;
    }

    /**
     * {@return whether reading is paused for good: the handler left too much unread, and no run is due} A pause caused
     * by slices is different: it ends when they are closed. So is one while somebody waits for a position: reading
     * would go on for that, if slices did not hold so much.
     */
    final boolean isStalled() {
        int mark = link.config().options().inboundLowMark();
        boolean byMark = paused && !pausedByUser && !starved && !readsToEnd;
        return byMark && leftMuch && !insistent && !hasCome() && isAbove(mark);
    }

    /** The connection has ended: memory freed from now on does not resume reading. */
    final void detachRetained() {
        retained.detach(!link.has(CLOSING));
        leaveBudget();
    }

    private void leaveBudget() {
        Share.Waiter mine = waiter;
        if (mine != null) {
            mine.leave();
        }
    }
}
