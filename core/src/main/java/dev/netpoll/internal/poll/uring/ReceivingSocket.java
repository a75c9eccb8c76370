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
 * paused, into buffers of the poller. As the lowest layer it also knows the socket's poller and its token there.
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
 *   <li>I2 Whenever the loop waits, a connected socket that is not {@link #DONE} is {@link #RECEIVING} or past its
 *       end, or it is paused or starved and {@link #WATCHING}. So it never misses that the peer is gone.
 *   <li>I3 Bytes come before the end: what arrives while reading is paused is {@link #held}, and the socket tells the
 *       {@link #ended end} after it.
 * </ul>
 *
 * <p>Loop only, except {@link #isArriving}: any thread.
 */
abstract class ReceivingSocket extends LoopSocket implements Completable {
    /** Receives in a row that filled their buffer, after which a socket gets big ones. */
    private static final int BULK_AFTER = 4;

    /** No end is known yet. */
    private static final int OPEN = -1;

    /** Error numbers end at 133. */
    private static final int ERRNO_MAX = 254;

    /** Something held may be delivered. */
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

    /** The lowest of the bits that the layer above uses. */
    static final int ABOVE_RECEIVING = OWN << 7;

    long token;

    @Nullable
    UringPoller poller;

    /** What arrived and may not be delivered, because reading is paused. */
    private @Nullable Segment held;

    /** How the stream ended: 0 or an error number; the socket tells it after what is held. */
    private byte ended = OPEN; // in a byte, as idle sockets are many

    /** How many receives in a row filled their buffer. */
    private byte full;

    /** How many completions with bytes were announced and not delivered: for {@link #peek} on other threads. */
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

    /** Has the kernel receive, if that is wanted and it does not. */
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
            // Of a Unix socket the kernel (seen with 6.18) goes on waiting after the last bytes, though the peer has
            // ended the stream by then, and nothing wakes it any more. A receive that begins anew looks.
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

    /** {@return whether the kernel may still take bytes out of the socket, and somebody wants them} */
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
            starveUnlessDone(); // the kernel's memory
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

    /** First, so that it is known whatever comes of the rest. */
    private void noteEnd(int completionFlags) {
        if ((completionFlags & IORING_CQE_F_MORE) == 0) {
            clear(RECEIVING | CANCELLED);
        }
    }

    private static boolean isLasting(int errno) {
        return errno != Errno.ECANCELED && errno != Errno.EINTR && errno != Errno.EAGAIN;
    }

    // ---------------------------------------------------------------- buffers

    /** The kernel has left what arrived in the socket. */
    private void starved(int kind) {
        BufferRing buffers = poller().buffers.of(kind);
        buffers.starved();
        if (!buffers.hasBuffers()) {
            poller().buffers.refused();
            starveUnlessDone();
        }
    }

    private void starveUnlessDone() {
        if (!is(DONE)) {
            starve(RECEIVE_AGAIN);
            watch();
        }
    }

    /** A socket that fills one buffer after the other gets bigger ones. */
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

    /** Bytes were received, which will be delivered soon. */
    final void receiveArrived() {
        undelivered++; // the batch has not so many places
        arriving(true);
    }

    @Override
    public final void arrived() {
        noteArriving();
    }

    /** What was received, or is held, was delivered. */
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

    /** Delivers what is held, then the end, as far as a pause allows. */
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
        end = end(); // the receiver may have done much
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
            error = Errno.ECONNRESET; // the peer cannot shut our direction down otherwise
        }
        return error;
    }

    /** No receive tells of the peer any more. */
    @Override
    protected final void ended() {
        if (end() == OPEN) {
            end(0); // it was told without a receive
        }
        watch();
    }

    /** A later turn has come. */
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
     * Waits for a hang-up, which no receive would tell: because there is none, or the stream has ended. Multishot,
     * which tells changes: a single wait would end at once when the peer has finished sending, which is always
     * reported.
     */
    final void watch() {
        if (is(PAUSED | END_TOLD | STARVED) && !is(WATCHING | HUP | DONE)) {
            set(WATCHING);
            long operation = Operation.of(Operation.HANG_UP, token);
            poller().submissions.poll(fd(), IORING_POLL_ADD_MULTI, POLLRDHUP, operation);
        }
    }
}
