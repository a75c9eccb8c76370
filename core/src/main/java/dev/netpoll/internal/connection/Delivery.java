// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.connection;

import static dev.netpoll.internal.connection.ConnectionState.CLOSED;

import dev.netpoll.ConnectionOptions;
import dev.netpoll.internal.base.StackRoom;
import dev.netpoll.internal.memory.MemoryBudget;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.memory.SegmentReader;
import org.jspecify.annotations.Nullable;

/**
 * The loop's half of the inbound side: it delivers what arrives to the {@link Inbox}, wakes the reader or starts a run,
 * and pauses reading while too much is retained. {@link Inbound} is the reader's half.
 *
 * <p>Positions of the stream measure progress, and only grow: {@code delivered} is how far the loop has got, {@code
 * target} is how far the reading side wants it to get. A blocked read waits for a target, and so does an idle handler.
 * The side that finds {@code delivered >= target} wakes the reader or starts the handler.
 *
 * <ul>
 *   <li>B1 The loop pushes into the inbox, then raises {@code delivered} (volatile), then looks at {@code target}. The
 *       reading side sets {@code target} (volatile), then looks into the inbox. So no bytes go unnoticed.
 *   <li>B2 Reading pauses while the memory retained is above the high mark, unless somebody waits for a position that
 *       was not reached: a blocked read, or a handler that demanded. The loop sets {@code paused}, then looks again;
 *       others change what the rule depends on, then look at {@code paused}. It pauses in any case while the connection
 *       retains more than its share and the group's memory is used up, unless the connection is the favoured one.
 *   <li>B3 A run that is due does not begin while another thread uses the side; that thread gives the side up
 *       (volatile), then looks whether a run is due. The loop raises {@code delivered} (volatile), then looks for a
 *       user.
 * </ul>
 */
abstract class Delivery extends Inbox {
    /** The target while nobody waits: a handler is running, or there is none. */
    private static final long NOBODY = 0;

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
     * @param insists whether that goes before the mark (B2)
     */
    final void awaitPosition(long position, boolean insists) {
        insist(insists);
        target = position; // B1
        updateIfPaused();
    }

    /**
     * A blocked read has ended: nobody waits for its position any more.
     *
     * @param next what a run waits for that may begin when the reader has left, or 0 if there is no handler
     */
    final void endAwaiting(long next) {
        target = next;
        insistent = false;
    }

    /** {@return whether what is awaited has come} Any thread. */
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

    /** A run has left what is in the buffer. Only one that leaves much takes the time. */
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

    /** Takes over received bytes and tells the reading side. */
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
        StackRoom.needSome(); // a call that has failed must not have paused for ever
        pausedByUser = pause;
        link.signal();
    }

    final boolean isPaused() {
        return paused || pausedByUser;
    }

    final boolean isPausedByUser() {
        return pausedByUser;
    }

    /** Some of what was retained was given back, so that {@code left} bytes still are. Any thread. */
    final void released(long left) {
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
    final void updatePaused() {
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

    /** {@return how much a program may keep in slices and views and still wait for more, in bytes} */
    final long mostKept() {
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
    final boolean isStarved() {
        return starved;
    }

    /** {@return what it holds, and what of that the program keeps in slices} Any thread. */
    final Retained retained() {
        return retained;
    }

    /** {@return whether bytes of the peer's wait for memory: then it is not the peer who is idle} */
    final boolean keepsPeerWaiting() {
        return starved && link.transport().peek() > 0;
    }

    /**
     * {@return whether reading pauses because of what a handler left unread, and neither goes on nor a run is due} Not
     * if it pauses because of slices: it goes on when they are closed.
     */
    final boolean isStalled() {
        int mark = link.config().options().inboundLowMark();
        return paused && !pausedByUser && !starved && leftMuch && !hasCome() && isAbove(mark);
    }

    /** The connection has ended: what is given back from now on resumes no reading. */
    final void detachRetained() {
        retained.detach();
        leaveBudget();
    }

    private void leaveBudget() {
        Share.Waiter mine = waiter;
        if (mine != null) {
            mine.leave();
        }
    }
}
