// SPDX-License-Identifier: Apache-2.0
// Copyright The Netpoll for Java Authors

package dev.netpoll.internal.poll.uring;

import static dev.netpoll.internal.ffi.IoUring.IORING_CQE_F_MORE;
import static dev.netpoll.internal.ffi.IoUring.IORING_POLL_ADD_MULTI;
import static dev.netpoll.internal.ffi.IoUring.POLLRDHUP;

import dev.netpoll.internal.ffi.LibcSocket;
import dev.netpoll.internal.ffi.Scratch;
import dev.netpoll.internal.memory.Segment;
import dev.netpoll.internal.poll.Turns;
import dev.netpoll.internal.poll.posix.LoopSocket;
import dev.netpoll.internal.transport.Errno;
import org.jspecify.annotations.Nullable;

/**
 * The receiving layer of a {@link UringTransport}: the kernel receives for a socket all the time, unless reading is
 * paused, into buffers of the poller. As the lowest layer it also holds the socket's poller, and its token there.
 *
 * <pre>
 * receive:  (none) --loop: reading is wanted--> RECEIVING --loop: its last completion--> (none), or the next one begins
 *           RECEIVING --loop: paused, or bigger buffers--> RECEIVING, CANCELLED --loop: its last completion--> (none)
 *           (none) --loop: no memory--> RECEIVE_AGAIN, STARVED --loop: a later turn--> RECEIVING
 * hang-up:  (none) --loop: paused, starved or past the end--> WATCHING --loop: its last completion--> (none)
 * buffers:  small --loop: several were filled in a row--> BULK --loop: memory is used up--> small
 * detach:   LEAVING: no receive begins any more
 * </pre>
 *
 * <ul>
 *   <li>I1 At most one receive and one wait for a hang-up are under way: {@link #RECEIVING}, {@link #WATCHING}. So
 *       bytes stay in order.
 *   <li>I2 Whenever the loop waits, a connected socket that is not {@link #DONE} is {@link #RECEIVING} or past its end,
 *       or it is paused or starved and {@link #WATCHING}. So it never misses that the peer is gone.
 *   <li>I3 Bytes come before the end: bytes that arrive while reading is paused are {@link #held}, and the socket
 *       reports the {@link #ended end} after them.
 * </ul>
 *
 * <p>Loop only, except {@link #isArriving}: any thread.
 */
abstract class ReceivingSocket extends LoopSocket implements Completable {
    /** After this many receives in a row that filled their buffer, a socket gets big ones. */
    private static final int BULK_AFTER = 4;

    /** No end is known yet. */
    private static final int OPEN = -1;

    /** Error numbers end at 133. */
    private static final int ERRNO_MAX = 254;

    /** Held bytes, or the end after them, may be delivered. */
    static final int DELIVER = OWN;

    static final int RECEIVING = OWN << 1;

    /** The receive was cancelled, and has not ended yet. */
    static final int CANCELLED = OWN << 2;

    static final int WATCHING = OWN << 3;

    /** Receives go to the big buffers. */
    private static final int BULK = OWN << 4;

    /** About to be detached: no receive begins any more, and reading is not paused, so that nothing is held back. */
    static final int LEAVING = OWN << 5;

    /** No buffer was left to receive into: waits for memory. */
    private static final int RECEIVE_AGAIN = OWN << 6;

    /** The lowest bit of the layer above. */
    static final int ABOVE_RECEIVING = OWN << 7;

    long token;

    @Nullable
    UringPoller poller;

    /** Bytes that arrived and must not be delivered, because reading is paused. */
    private @Nullable Segment held;

    /** How the stream ended: 0 or an error number; reported after the held bytes. */
    private byte ended = OPEN; // a byte, as there are many idle sockets

    /** The number of receives in a row that filled their buffer. */
    private byte full;

    /** Completions with bytes, announced and not delivered: for {@link #peek} on other threads. */
    private char undelivered;

    ReceivingSocket(int fd, boolean tcp, byte @Nullable [] remote) {
        super(fd, tcp, remote);
    }

    // ---------------------------------------------------------------- the poller

    @Override
    protected final String backend() {
        return UringMechanism.NAME;
    }

    final UringPoller poller() {
        UringPoller owner = poller;
        if (owner == null) {
            throw new IllegalStateException("not registered: " + this);
        }
        return owner;
    }

    @Override
    protected final Scratch scratch() {
        return poller().scratch();
    }

    @Override
    protected final Turns turns() {
        return poller().turns;
    }

    // ---------------------------------------------------------------- receiving

    /** Starts a receive, if one is wanted and none is under way. */
    final void receive() {
        boolean dropsRest = is(PAUSED)
                && is(HUNG_UP)
                && !is(DONE | CONNECTING | LEAVING)
                && poller().buffers.isCrowded();
        if (dropsRest && endsWithoutMemory()) {
            return;
        }
        boolean wanted = end() == OPEN && (!is(PAUSED) || is(HUNG_UP));
        if (wanted && !is(RECEIVING | RECEIVE_AGAIN | DONE | CONNECTING | LEAVING)) {
            set(RECEIVING);
            UringPoller owner = poller();
            boolean crowded = owner.buffers.isCrowded();
            if (crowded) {
                clear(BULK);
            }
            // On a Unix socket the kernel (seen with 6.18) keeps waiting after the last bytes, although the peer has
            // ended the stream, and nothing wakes it any more. A new receive sees the end.
            owner.receive(fd(), receiveKind(), token, crowded || !tcp);
        }
    }

    private int receiveKind() {
        return is(BULK) ? Operation.RECEIVE_BULK : Operation.RECEIVE;
    }

    final void stopReceiving() {
        if (is(RECEIVING) && !is(CANCELLED)) {
            set(CANCELLED);
            poller().submissions.cancel(Operation.of(receiveKind(), token));
        }
    }

    /** {@return whether the kernel may still take bytes out of the socket, and they are still wanted} */
    final boolean isReceiving() {
        return is(RECEIVING) && !is(DONE);
    }

    @Override
    public final void received(int kind, Segment segment, int completionFlags) {
        noteEnd(completionFlags);
        undelivered--;
        if (is(DONE)) {
            segment.free();
        } else {
            fed();
            countFull(kind, segment.length());
            if (held != null || isHeldBack()) {
                hold(segment); // I3
            } else {
                receiver().received(segment);
            }
        }
        noteArriving();
        receive();
    }

    /** A receive has completed without bytes. */
    final void receiveEnded(int kind, int result, int completionFlags) {
        noteEnd(completionFlags);
        if (result == -Errno.ENOBUFS) {
            starved(kind);
        } else if (result == -Errno.ENOMEM) {
            starveUnlessDone(); // the kernel has no memory
        } else if (result == 0 || isLasting(-result)) {
            if (end() == OPEN) {
                end(-result);
            }
            if (!is(DONE)) {
                deliver();
            }
        }
        receive();
    }

    /** Called first, so that it counts even if the rest throws. */
    private void noteEnd(int completionFlags) {
        if ((completionFlags & IORING_CQE_F_MORE) == 0) {
            clear(RECEIVING | CANCELLED);
        }
    }

    private static boolean isLasting(int errno) {
        return errno != Errno.ECANCELED && errno != Errno.EINTR && errno != Errno.EAGAIN;
    }

    // ---------------------------------------------------------------- buffers

    /** The kernel found no buffer, and left the bytes in the socket. */
    private void starved(int kind) {
        if (!poller().buffers.starved(kind)) {
            starveUnlessDone();
        }
    }

    private void starveUnlessDone() {
        if (!is(DONE)) {
            starve(RECEIVE_AGAIN);
            watch();
        }
    }

    /** A socket that fills one buffer after another gets bigger ones. */
    private void countFull(int kind, int length) {
        if (kind != Operation.RECEIVE || is(BULK) || poller().buffers.isCrowded()) {
            return;
        }
        full = (byte) (length >= BufferRings.SMALL ? full + 1 : 0);
        if (full >= BULK_AFTER) {
            stopReceiving();
            set(BULK);
        }
    }

    // ---------------------------------------------------------------- delivering

    /** Bytes were received, and will be delivered soon. */
    final void receiveArrived() {
        undelivered++; // does not overflow: no batch is so long
        arriving(true);
    }

    @Override
    public final void arrived() {
        noteArriving();
    }

    /** Received or held bytes were delivered. */
    private void noteArriving() {
        if (undelivered == 0 && held == null) {
            arriving(false);
        }
    }

    @Override
    protected final boolean isArriving() {
        UringPoller owner = poller;
        return (owner != null && owner.holds(token)) || super.isArriving();
    }

    @Override
    protected final boolean holdsBytes() {
        return held != null;
    }

    private void hold(Segment segment) {
        Segment last = held;
        if (last == null) {
            held = segment; // arriving stays set
            return;
        }
        while (last.next != null) {
            last = last.next;
        }
        last.next = segment;
    }

    final void freeHeld() {
        Segment unwanted = held;
        held = null;
        Segment.freeAll(unwanted);
    }

    /** Delivers the held bytes, then the end, as far as a pause allows. */
    final void deliver() {
        int end = end();
        if (end > 0) {
            set(HUNG_UP);
        }
        if (isHeldBack()) {
            if (end == 0) {
                set(PEER_ENDED);
                tellPeerGone();
            }
            return;
        }
        Segment arrived = held;
        if (arrived != null) {
            held = null;
            receiver().received(arrived);
            noteArriving();
        }
        end = end(); // the receiver may have changed it
        if (end == OPEN || is(END_TOLD | DONE)) {
            return;
        }
        if (isHeldBack()) { // the receiver has paused reading
            deliver();
        } else if (end == 0) {
            endOfStream(tcp ? failureAtEnd() : 0);
        } else {
            fail(end);
        }
    }

    private int end() {
        return ended == OPEN ? OPEN : ended & 0xff;
    }

    private void end(int errno) {
        ended = (byte) Math.min(errno, ERRNO_MAX);
    }

    private int failureAtEnd() {
        int error = brokenBy;
        if (error == 0 && !outputShutDown && LibcSocket.getpeername(scratch(), fd()) == -Errno.ENOTCONN) {
            error = Errno.ECONNRESET; // only a reset shuts down the sending direction from the peer's side
        }
        return error;
    }

    /** No receive reports the peer any more: watches for a hang-up. */
    @Override
    protected final void ended() {
        if (end() == OPEN) {
            end(0); // it was reported without a receive
        }
        watch();
    }

    /** A later turn has come: receives and delivers. */
    final void goOnReceiving() {
        if (is(RECEIVE_AGAIN) && !is(DONE)) {
            clear(RECEIVE_AGAIN);
            receive();
        }
        if (is(DELIVER) && !is(DONE)) {
            clear(DELIVER);
            deliver();
        }
    }

    // ---------------------------------------------------------------- pausing

    @Override
    public final void pauseReading() {
        if (!is(PAUSED | LEAVING)) {
            set(PAUSED);
            if (poller != null && !is(DONE | CONNECTING)) {
                if (!is(HUNG_UP)) {
                    stopReceiving();
                }
                watch();
            }
        }
    }

    @Override
    public final void resumeReading() {
        if (is(PAUSED)) {
            clear(PAUSED);
            if (poller != null && !is(DONE)) {
                receive();
                if (held != null || (end() != OPEN && !is(END_TOLD))) {
                    again(DELIVER);
                }
            }
        }
    }

    // ---------------------------------------------------------------- hang-up

    /**
     * Waits for a hang-up that no receive would report: because there is none, or the stream has ended. Multishot,
     * which reports changes: a single poll would always end at once after the peer has finished sending.
     */
    final void watch() {
        if (is(PAUSED | END_TOLD | STARVED) && !is(WATCHING | HUP | DONE)) {
            set(WATCHING);
            long operation = Operation.of(Operation.HANG_UP, token);
            poller().submissions.poll(fd(), IORING_POLL_ADD_MULTI, POLLRDHUP, operation);
        }
    }
}
